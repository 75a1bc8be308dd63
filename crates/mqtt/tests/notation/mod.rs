//! How packets, errors and bytes are written in the vectors.

use std::fmt::Write as _;

use mqtt::{Ack, Connect, DecodeError, Packet, Properties, Publish, Subscribe};

/// Hex and quoted text; `""` for no bytes.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (index, part) in text.split('"').enumerate() {
        if index % 2 == 1 {
            bytes.extend_from_slice(part.as_bytes());
        } else {
            bytes.extend(
                part.split_whitespace()
                    .map(|hex| u8::from_str_radix(hex, 16).expect("a vector is hex and quoted text")),
            );
        }
    }
    bytes
}

pub(crate) fn error_text(error: &DecodeError) -> String {
    let DecodeError { field, offset, kind, .. } = error;
    let mut text = format!("{kind:?}, `{field}` at {offset}, {}", error.reason_code());
    if let Some((version, code)) = error.connack() {
        write!(text, ", CONNACK {version} {}", code.name()).expect("a text takes everything");
    }
    if let Some(client_id) = &error.client_id {
        write!(text, ", client {client_id:?}").expect("a text takes everything");
    }
    text
}

pub(crate) fn packet_text(packet: &Packet) -> String {
    let mut text = packet.packet_type().name().to_owned();
    match packet {
        Packet::Connect(connect) => text += &connect_text(connect),
        Packet::Connack(connack) => {
            text += if connack.session_present { " session_present " } else { " " };
            text += &format!("{:?}{}", connack.code, properties_text(&connack.properties));
        }
        Packet::Publish(publish) => text += &publish_text(publish),
        Packet::Puback(ack) | Packet::Pubrec(ack) | Packet::Pubrel(ack) | Packet::Pubcomp(ack) => {
            text += &ack_text(ack)
        }
        Packet::Subscribe(subscribe) => text += &subscribe_text(subscribe),
        Packet::Suback(suback) => {
            text +=
                &format!(" id={}{} {:?}", suback.packet_id, properties_text(&suback.properties), suback.reason_codes);
        }
        Packet::Unsubscribe(unsubscribe) => {
            let properties = properties_text(&unsubscribe.properties);
            text += &format!(" id={}{properties} {:?}", unsubscribe.packet_id, unsubscribe.filters);
        }
        Packet::Unsuback(unsuback) => {
            let properties = properties_text(&unsuback.properties);
            text += &format!(" id={}{properties} {:?}", unsuback.packet_id, unsuback.reason_codes);
        }
        Packet::Pingreq | Packet::Pingresp => {}
        Packet::Disconnect(disconnect) => {
            text += &format!(" {}{}", disconnect.reason_code, properties_text(&disconnect.properties));
        }
        Packet::Auth(auth) => text += &format!(" {}{}", auth.reason_code, properties_text(&auth.properties)),
    }
    text
}

fn connect_text(connect: &Connect) -> String {
    let mut text = format!(" {}", connect.version);
    text += if connect.bridge { " bridge" } else { "" };
    text += if connect.clean_start { " clean_start" } else { "" };
    write!(text, " keepalive={} client={:?}", connect.keepalive_s, connect.client_id).expect("a text takes everything");
    text += &properties_text(&connect.properties);
    if let Some(will) = &connect.will {
        let retain = if will.retain { " retain" } else { "" };
        let properties = properties_text(&will.properties);
        let payload = will.payload.escape_ascii();
        write!(text, " will({:?} qos={}{retain}{properties} \"{payload}\")", will.topic, will.qos)
            .expect("a text takes everything");
    }
    if let Some(username) = &connect.username {
        write!(text, " username={username:?}").expect("a text takes everything");
    }
    if let Some(password) = &connect.password {
        write!(text, " password=\"{}\"", password.escape_ascii()).expect("a text takes everything");
    }
    text
}

fn publish_text(publish: &Publish) -> String {
    let mut text = format!(" {:?} qos={}", publish.topic, publish.qos);
    text += if publish.dup { " dup" } else { "" };
    text += if publish.retain { " retain" } else { "" };
    if let Some(id) = publish.packet_id {
        write!(text, " id={id}").expect("a text takes everything");
    }
    text += &properties_text(&publish.properties);
    write!(text, " \"{}\"", publish.payload.escape_ascii()).expect("a text takes everything");
    text
}

fn ack_text(ack: &Ack) -> String {
    format!(" id={} {}{}", ack.packet_id, ack.reason_code, properties_text(&ack.properties))
}

fn subscribe_text(subscribe: &Subscribe) -> String {
    let mut text = format!(" id={}{}", subscribe.packet_id, properties_text(&subscribe.properties));
    for wanted in &subscribe.subscriptions {
        let options = wanted.options;
        write!(text, " {:?}(qos={}", wanted.filter, options.qos).expect("a text takes everything");
        text += if options.no_local { " no_local" } else { "" };
        text += if options.retain_as_published { " retain_as_published" } else { "" };
        write!(text, " {:?})", options.retain_handling).expect("a text takes everything");
    }
    text
}

/// Nothing for an empty block.
fn properties_text(properties: &Properties) -> String {
    if properties.is_empty() {
        return String::new();
    }
    let each: Vec<String> = properties.iter().map(|property| format!("{}={}", property.id, property.value)).collect();
    format!(" {{{}}}", each.join(" "))
}
