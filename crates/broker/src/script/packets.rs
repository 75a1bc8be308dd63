//! Packets from the words of a script, and as the words a script compares with.

use bytes::Bytes;
use mqtt::{
    Ack, Auth, Connect, Disconnect, Packet, PacketId, Properties, PropertiesBuilder, PropertyId, PropertyType,
    PropertyValue, Publish, QoS, ReasonCode, RetainHandling, Subscribe, Subscription, SubscriptionOptions, Unsubscribe,
    Version, Will,
};

use super::notation::{Words, duration};

/// The packet that `kind` and `words` describe.
pub(super) fn packet(kind: &str, words: &Words) -> Result<Packet, String> {
    let fields = Fields { words };
    Ok(match kind {
        "CONNECT" => Packet::Connect(Box::new(fields.connect()?)),
        "PUBLISH" => Packet::Publish(fields.publish()?),
        "PUBACK" => Packet::Puback(fields.ack()?),
        "PUBREC" => Packet::Pubrec(fields.ack()?),
        "PUBREL" => Packet::Pubrel(fields.ack()?),
        "PUBCOMP" => Packet::Pubcomp(fields.ack()?),
        "SUBSCRIBE" => Packet::Subscribe(fields.subscribe()?),
        "UNSUBSCRIBE" => Packet::Unsubscribe(Unsubscribe {
            packet_id: fields.id()?,
            properties: fields.properties("")?,
            filters: words
                .iter()
                .filter(|(name, _)| name == "filter")
                .map(|(_, v)| v.clone().unwrap().into())
                .collect(),
        }),
        "PINGREQ" => Packet::Pingreq,
        "DISCONNECT" => {
            Packet::Disconnect(Disconnect { reason_code: fields.reason()?, properties: fields.properties("")? })
        }
        "AUTH" => Packet::Auth(Auth { reason_code: fields.reason()?, properties: fields.properties("")? }),
        _ => return Err(format!("expected a packet of a client, found `{kind}`")),
    })
}

struct Fields<'a> {
    words: &'a Words,
}

impl Fields<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.words.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_deref().unwrap_or("true"))
    }

    fn flag(&self, name: &str, default: bool) -> bool {
        self.text(name).map_or(default, |text| text == "true")
    }

    fn number(&self, name: &str, default: u32) -> Result<u32, String> {
        self.text(name)
            .map_or(Ok(default), |text| text.parse().map_err(|_| format!("expected a number, found `{text}`")))
    }

    fn qos(&self, name: &str) -> Result<QoS, String> {
        QoS::try_from(u8::try_from(self.number(name, 0)?).unwrap())
            .map_err(|found| format!("expected a QoS, found {found}"))
    }

    fn id(&self) -> Result<PacketId, String> {
        PacketId::new(u16::try_from(self.number("id", 1)?).unwrap())
            .ok_or_else(|| "expected an identifier above 0".to_owned())
    }

    fn reason(&self) -> Result<ReasonCode, String> {
        let name = self.text("reason").unwrap_or("success");
        ReasonCode::from_name(name).ok_or_else(|| format!("expected a reason code, found `{name}`"))
    }

    fn properties(&self, prefix: &str) -> Result<Properties, String> {
        let mut builder = Properties::builder();
        for (name, value) in self.words {
            let Some(id) = name.strip_prefix(prefix).and_then(PropertyId::from_name) else { continue };
            builder = set(builder, id, value.as_deref().unwrap_or(""))?;
        }
        Ok(builder.build())
    }

    fn connect(&self) -> Result<Connect, String> {
        let will = self.text("will.topic").map(|topic| {
            Ok::<_, String>(Will {
                topic: topic.into(),
                payload: Bytes::from(self.text("will.payload").unwrap_or("gone").to_owned()),
                qos: self.qos("will.qos")?,
                retain: self.flag("will.retain", false),
                properties: self.properties("will.")?,
            })
        });
        Ok(Connect {
            version: version(self.text("version"))?,
            clean_start: self.flag("clean_start", true),
            keepalive_s: match self.text("keepalive") {
                Some(text) => u16::try_from(duration(text)?.as_secs()).unwrap(),
                None => 0,
            },
            client_id: self.text("clientid").unwrap_or("").into(),
            username: self.text("username").map(Into::into),
            password: self.text("password").map(|text| Bytes::from(text.to_owned())),
            will: will.transpose()?,
            properties: self.properties("")?,
            bridge: false,
        })
    }

    fn publish(&self) -> Result<Publish, String> {
        let qos = self.qos("qos")?;
        Ok(Publish {
            dup: self.flag("dup", false),
            qos,
            retain: self.flag("retain", false),
            topic: self.text("topic").unwrap_or("").into(),
            packet_id: (qos != QoS::AtMostOnce).then(|| self.id()).transpose()?,
            properties: self.properties("")?,
            payload: Bytes::from(self.text("payload").unwrap_or("").to_owned()),
        })
    }

    fn ack(&self) -> Result<Ack, String> {
        Ok(Ack { properties: self.properties("")?, ..Ack::with_reason(self.id()?, self.reason()?) })
    }

    fn subscribe(&self) -> Result<Subscribe, String> {
        let mut subscriptions: Vec<Subscription> = Vec::new();
        for (name, value) in self.words {
            let text = value.as_deref().unwrap_or("true");
            if name == "filter" {
                let options = SubscriptionOptions::new(QoS::AtMostOnce);
                subscriptions.push(Subscription { filter: text.into(), options });
                continue;
            }
            let Some(last) = subscriptions.last_mut() else { continue };
            let number = || text.parse::<u8>().map_err(|_| format!("expected a number, found `{text}`"));
            match name.as_str() {
                "qos" => last.options.qos = QoS::try_from(number()?).unwrap(),
                "no_local" => last.options.no_local = true,
                "retain_as_published" => last.options.retain_as_published = true,
                "retain_handling" => last.options.retain_handling = RetainHandling::try_from(number()?).unwrap(),
                _ => {}
            }
        }
        Ok(Subscribe { packet_id: self.id()?, properties: self.properties("")?, subscriptions })
    }
}

pub(super) fn version(text: Option<&str>) -> Result<Version, String> {
    match text {
        None | Some("5") => Ok(Version::V5),
        Some("3.1.1") => Ok(Version::V311),
        Some("3.1") => Ok(Version::V31),
        Some(found) => Err(format!("expected version 3.1, 3.1.1 or 5, found `{found}`")),
    }
}

fn set(builder: PropertiesBuilder, id: PropertyId, text: &str) -> Result<PropertiesBuilder, String> {
    let number = || text.parse::<u32>().map_err(|_| format!("expected a number for `{id}`, found `{text}`"));
    let value = match id.value_type() {
        PropertyType::Byte | PropertyType::Boolean => PropertyValue::Byte(u8::try_from(number()?).unwrap()),
        PropertyType::TwoByteInteger => PropertyValue::TwoByteInteger(u16::try_from(number()?).unwrap()),
        PropertyType::FourByteInteger => PropertyValue::FourByteInteger(number()?),
        PropertyType::VariableByteInteger => PropertyValue::VariableByteInteger(number()?),
        PropertyType::BinaryData => PropertyValue::BinaryData(text.as_bytes()),
        PropertyType::Utf8String => PropertyValue::Utf8String(text),
        PropertyType::Utf8StringPair => {
            let (name, value) = text.split_once(':').ok_or("expected `User-Property=name:value`")?;
            PropertyValue::Utf8StringPair(name, value)
        }
    };
    builder.set(id, value).map_err(|error| error.to_string())
}

/// What a packet from the broker says, as name and value.
pub(super) fn fields(packet: &Packet) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: String| fields.push((name.to_owned(), value));
    let names = |codes: &[ReasonCode]| codes.iter().map(|code| code.name()).collect::<Vec<_>>().join(",");
    let mut properties = Properties::new();
    match packet {
        Packet::Connack(connack) => {
            add("reason", connack.code.name().to_owned());
            add("session_present", connack.session_present.to_string());
            properties = connack.properties.clone();
        }
        Packet::Publish(publish) => {
            add("topic", publish.topic.to_string());
            add("payload", String::from_utf8_lossy(&publish.payload).into_owned());
            add("qos", publish.qos.to_string());
            add("retain", publish.retain.to_string());
            add("dup", publish.dup.to_string());
            add("id", publish.packet_id.map_or(0, PacketId::get).to_string());
            properties = publish.properties.clone();
        }
        Packet::Puback(ack) | Packet::Pubrec(ack) | Packet::Pubrel(ack) | Packet::Pubcomp(ack) => {
            add("id", ack.packet_id.to_string());
            add("reason", ack.reason_code.name().to_owned());
            properties = ack.properties.clone();
        }
        Packet::Suback(suback) => {
            add("id", suback.packet_id.to_string());
            add("reason", names(&suback.reason_codes));
        }
        Packet::Unsuback(unsuback) => {
            add("id", unsuback.packet_id.to_string());
            add("reason", names(&unsuback.reason_codes));
        }
        Packet::Disconnect(disconnect) => {
            add("reason", disconnect.reason_code.name().to_owned());
            properties = disconnect.properties.clone();
        }
        Packet::Connect(_)
        | Packet::Subscribe(_)
        | Packet::Unsubscribe(_)
        | Packet::Pingreq
        | Packet::Pingresp
        | Packet::Auth(_) => {}
    }
    for property in properties.iter() {
        let text = match property.value {
            PropertyValue::Utf8String(text) => text.to_owned(),
            PropertyValue::Utf8StringPair(name, value) => format!("{name}:{value}"),
            PropertyValue::BinaryData(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            PropertyValue::Byte(_)
            | PropertyValue::TwoByteInteger(_)
            | PropertyValue::FourByteInteger(_)
            | PropertyValue::VariableByteInteger(_) => property.value.to_string(),
        };
        add(property.id.name(), text);
    }
    fields
}
