//! Packets as bytes, written out: what is tested is also the codec, so it does not write them.

/// CONNECT of MQTT 3.1.1: clean session, keep-alive 60 s, client identifier `a`.
pub(crate) const CONNECT_V311: &[u8] = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a";
/// CONNECT of MQTT 5: clean start, keep-alive 60 s, no properties, client identifier `a`.
pub(crate) const CONNECT_V5: &[u8] = b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01a";
/// CONNACK of MQTT 3.1.1 for a new session.
pub(crate) const CONNACK_V311: &[u8] = b"\x20\x02\x00\x00";

/// CONNECT of MQTT 3.1.1 with this identifier and keep-alive.
pub(crate) fn connect_v311(client_id: &str, keepalive_s: u8) -> Vec<u8> {
    let client_id_len = u8::try_from(client_id.len()).unwrap();
    let mut packet = vec![0x10, 12 + client_id_len];
    packet.extend_from_slice(b"\x00\x04MQTT\x04\x02\x00");
    packet.extend_from_slice(&[keepalive_s, 0, client_id_len]);
    packet.extend_from_slice(client_id.as_bytes());
    packet
}

/// CONNECT of MQTT 5 that is this long as a whole, because of its client identifier.
pub(crate) fn connect_of_len(packet_len: usize) -> Vec<u8> {
    let remaining_len = packet_len - 3;
    let client_id_len = remaining_len - 13;
    let low_bits = u8::try_from(remaining_len % 128).unwrap();
    let mut packet = vec![0x10, 0x80 | low_bits, u8::try_from(remaining_len / 128).unwrap()];
    packet.extend_from_slice(b"\x00\x04MQTT\x05\x02\x00\x00\x00");
    packet.extend_from_slice(&u16::try_from(client_id_len).unwrap().to_be_bytes());
    packet.resize(packet_len, b'a');
    packet
}
