//! Codecs of other makes, each as one function: bytes of a packet in, the bytes it writes for what it read out.

use std::sync::Arc;

use bytes::BytesMut;
use mqtt::Version;
use tokio_util::codec::{Decoder, Encoder};

/// A codec of another make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Other {
    RmqttCodec,
    Mqtt5Protocol,
    MqttProtocolCore,
}

impl Other {
    pub(crate) const ALL: [Other; 3] = [Other::RmqttCodec, Other::Mqtt5Protocol, Other::MqttProtocolCore];

    pub(crate) fn speaks(self, version: Version) -> bool {
        self == Other::RmqttCodec || version != Version::V31
    }

    /// What it writes for the packet it reads from `frame`, or why it refuses.
    pub(crate) fn relay(self, frame: &[u8], version: Version) -> Result<Vec<u8>, String> {
        match self {
            Other::RmqttCodec => rmqtt(frame, version),
            Other::Mqtt5Protocol => mqtt5(frame, version),
            Other::MqttProtocolCore => core(frame, version),
        }
    }
}

fn rmqtt(frame: &[u8], version: Version) -> Result<Vec<u8>, String> {
    let mut buf = BytesMut::from(frame);
    let mut out = BytesMut::new();
    if version.is_v5() {
        let codec = || rmqtt_codec::v5::Codec::new(0, 0);
        let (packet, _len) = codec().decode(&mut buf).map_err(|error| error.to_string())?.ok_or("not whole")?;
        codec().encode(packet, &mut out).map_err(|error| format!("cannot encode: {error}"))?;
    } else {
        let mut codec = rmqtt_codec::v3::Codec::new(0);
        let (packet, _len) = codec.decode(&mut buf).map_err(|error| error.to_string())?.ok_or("not whole")?;
        codec.encode(packet, &mut out).map_err(|error| format!("cannot encode: {error}"))?;
    }
    Ok(out.to_vec())
}

fn mqtt5(frame: &[u8], version: Version) -> Result<Vec<u8>, String> {
    use mqtt5_protocol::packet::pingreq::PingReqPacket;
    use mqtt5_protocol::packet::pingresp::PingRespPacket;
    use mqtt5_protocol::packet::{FixedHeader, MqttPacket, Packet};

    let mut body = frame;
    let header = FixedHeader::decode(&mut body).map_err(|error| error.to_string())?;
    let packet = Packet::decode_from_body_with_version(header.packet_type, &header, &mut body, version.level())
        .map_err(|error| error.to_string())?;
    if !body.is_empty() {
        return Err("bytes are left".to_owned());
    }
    let mut out = Vec::new();
    match packet {
        Packet::Connect(packet) => packet.encode(&mut out),
        Packet::ConnAck(packet) => packet.encode(&mut out),
        Packet::Publish(packet) => packet.encode(&mut out),
        Packet::PubAck(packet) => packet.encode(&mut out),
        Packet::PubRec(packet) => packet.encode(&mut out),
        Packet::PubRel(packet) => packet.encode(&mut out),
        Packet::PubComp(packet) => packet.encode(&mut out),
        Packet::Subscribe(packet) => packet.encode(&mut out),
        Packet::SubAck(packet) => packet.encode(&mut out),
        Packet::Unsubscribe(packet) => packet.encode(&mut out),
        Packet::UnsubAck(packet) => packet.encode(&mut out),
        Packet::PingReq => PingReqPacket::default().encode(&mut out),
        Packet::PingResp => PingRespPacket::default().encode(&mut out),
        Packet::Disconnect(packet) => packet.encode(&mut out),
        Packet::Auth(packet) => packet.encode(&mut out),
    }
    .map_err(|error| format!("cannot encode: {error}"))?;
    Ok(out)
}

fn core(frame: &[u8], version: Version) -> Result<Vec<u8>, String> {
    use mqtt_protocol_core::mqtt::packet::{v3_1_1, v5_0};

    let rest = frame.get(1..).unwrap_or_default();
    let header_len = 1 + rest.iter().position(|byte| byte & 0x80 == 0).ok_or("no length")? + 1;
    let body = frame.get(header_len..).ok_or("no body")?;
    let first = frame.first().ok_or("no header")?;
    let (number, flags) = (first >> 4, first & 0x0F);

    macro_rules! relay {
        ($packet:expr) => {{
            let (packet, read) = $packet.map_err(|error| format!("{error:?}"))?;
            if read != body.len() {
                return Err(format!("{} bytes are left", body.len() - read));
            }
            Ok(packet.to_continuous_buffer())
        }};
    }
    match (version.is_v5(), number) {
        (false, 1) => relay!(v3_1_1::Connect::parse(body)),
        (false, 2) => relay!(v3_1_1::Connack::parse(body)),
        (false, 3) => relay!(v3_1_1::Publish::parse(flags, Arc::from(body))),
        (false, 4) => relay!(v3_1_1::Puback::parse(body)),
        (false, 5) => relay!(v3_1_1::Pubrec::parse(body)),
        (false, 6) => relay!(v3_1_1::Pubrel::parse(body)),
        (false, 7) => relay!(v3_1_1::Pubcomp::parse(body)),
        (false, 8) => relay!(v3_1_1::Subscribe::parse(body)),
        (false, 9) => relay!(v3_1_1::Suback::parse(body)),
        (false, 10) => relay!(v3_1_1::Unsubscribe::parse(body)),
        (false, 11) => relay!(v3_1_1::Unsuback::parse(body)),
        (false, 12) => relay!(v3_1_1::Pingreq::parse(body)),
        (false, 13) => relay!(v3_1_1::Pingresp::parse(body)),
        (false, 14) => relay!(v3_1_1::Disconnect::parse(body)),
        (true, 1) => relay!(v5_0::Connect::parse(body)),
        (true, 2) => relay!(v5_0::Connack::parse(body)),
        (true, 3) => relay!(v5_0::Publish::parse(flags, Arc::from(body))),
        (true, 4) => relay!(v5_0::Puback::parse(body)),
        (true, 5) => relay!(v5_0::Pubrec::parse(body)),
        (true, 6) => relay!(v5_0::Pubrel::parse(body)),
        (true, 7) => relay!(v5_0::Pubcomp::parse(body)),
        (true, 8) => relay!(v5_0::Subscribe::parse(body)),
        (true, 9) => relay!(v5_0::Suback::parse(body)),
        (true, 10) => relay!(v5_0::Unsubscribe::parse(body)),
        (true, 11) => relay!(v5_0::Unsuback::parse(body)),
        (true, 12) => relay!(v5_0::Pingreq::parse(body)),
        (true, 13) => relay!(v5_0::Pingresp::parse(body)),
        (true, 14) => relay!(v5_0::Disconnect::parse(body)),
        (true, 15) => relay!(v5_0::Auth::parse(body)),
        (_, other) => Err(format!("no packet type {other}")),
    }
}
