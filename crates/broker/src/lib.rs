//! The MQTT broker: listeners, sessions, routing
