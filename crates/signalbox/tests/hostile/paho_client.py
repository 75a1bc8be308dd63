"""What a client of paho-mqtt sees of a broker: one line a fact, for the test that runs this.

paho_client.py HOST PORT VERSION PASSWORD, where VERSION is 3.1, 3.1.1 or 5 and `pump` is a user with PASSWORD.
"""

import queue
import sys

import paho.mqtt.client as mqtt

HOST, PORT, VERSION, PASSWORD = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
PROTOCOL = {"3.1": mqtt.MQTTv31, "3.1.1": mqtt.MQTTv311, "5": mqtt.MQTTv5}[VERSION]
PATIENCE_S = 20


def number(code):
    """The number of a reason code, which is an object for MQTT 5."""
    return getattr(code, "value", code)


class Client:
    """A client whose callbacks are put into queues."""

    def __init__(self, client_id, password=None, will=None):
        # Since version 2 of the library the kind of callbacks has to be named; the older kind is in both.
        kind = [mqtt.CallbackAPIVersion.VERSION1] if hasattr(mqtt, "CallbackAPIVersion") else []
        self.client = mqtt.Client(*kind, client_id=client_id, protocol=PROTOCOL)
        self.connacks, self.subacks, self.messages, self.published = (queue.Queue() for _ in range(4))
        self.client.on_connect = lambda _c, _u, _flags, code, *_: self.connacks.put(number(code))
        self.client.on_subscribe = lambda _c, _u, _mid, codes, *_: self.subacks.put([number(code) for code in codes])
        self.client.on_message = lambda _c, _u, message: self.messages.put(message)
        self.client.on_publish = lambda _c, _u, mid: self.published.put(mid)
        if password is not None:
            self.client.username_pw_set("pump", password)
        if will is not None:
            self.client.will_set(*will)

    def connect(self):
        """Connects and returns the code of CONNACK."""
        self.client.connect(HOST, PORT, keepalive=60)
        self.client.loop_start()
        return self.connacks.get(timeout=PATIENCE_S)

    def subscribe(self, topic, qos):
        self.client.subscribe(topic, qos)
        return self.subacks.get(timeout=PATIENCE_S)

    def publish(self, topic, payload, qos, retain=False):
        """Publishes and waits until the broker has acknowledged it as its QoS wants."""
        self.client.publish(topic, payload, qos, retain)
        self.published.get(timeout=PATIENCE_S)

    def next(self):
        message = self.messages.get(timeout=PATIENCE_S)
        return f"{message.topic} {message.payload.decode()} qos={message.qos} retain={int(message.retain)}"

    def disconnect(self):
        self.client.disconnect()
        self.client.loop_stop()

    def break_off(self):
        """Hangs up without DISCONNECT."""
        self.client.loop_stop()
        self.client.socket().close()


def say(*words):
    print(*words, flush=True)


sub = Client("sub", PASSWORD)
say("connack", sub.connect())
say("suback", *sub.subscribe("up/#", 2))
say("suback", *sub.subscribe("will/#", 1))

pump = Client("pump", PASSWORD, ("will/pump", "gone", 1, False))
say("connack", pump.connect())
for qos in (0, 1, 2):
    pump.publish(f"up/{qos}", f"payload-{qos}", qos)
    say("message", sub.next())
large = "x" * 300_000
pump.publish("up/large", large, 2)
say("large message is whole", sub.next() == f"up/large {large} qos=2 retain=0")

pump.publish("kept/a", "first", 1, retain=True)
pump.publish("kept/a", "second", 1, retain=True)
sub.subscribe("kept/#", 1)
say("message", sub.next())
pump.publish("kept/a", "third", 1, retain=True)
say("message", sub.next())
pump.publish("kept/a", "", 1, retain=True)
say("message", sub.next())
late = Client("late", PASSWORD)
late.connect()
late.subscribe("kept/#", 1)
late.subscribe("up/#", 0)
pump.publish("up/after", "nothing was retained any more", 1)
say("message", late.next())
say("message", sub.next())

pump.break_off()
say("message", sub.next())
quiet = Client("quiet", PASSWORD, ("will/quiet", "gone", 1, False))
quiet.connect()
quiet.disconnect()
late.publish("will/late", "no will came before this", 1)
say("message", sub.next())

say("connack", Client("wrong", "not the password").connect())
late.disconnect()
sub.disconnect()
