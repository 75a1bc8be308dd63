//! What is decided about a client.

use std::net::{IpAddr, SocketAddr};

use bytestring::ByteString;

use super::client::PEER;
use super::event;
use crate::{ConnackReason, LazyMap, Permission, PermissionAction};

event! {
    /// It was decided who a client is.
    ///
    /// Emitted before everything else that comes of its CONNECT. Beyond a number of refusals a second and source address
    /// the last one of each reason is told with their number in `repeated`.
    ClientCheckAuthnComplete {
        /// The identifier the client connects with, or was given.
        clientid: ByteString = "pump-17".into(),
        /// The user name, where one was sent.
        username: Option<ByteString> = Some("plant".into()),
        /// The address of the client, `host:port`.
        peername: SocketAddr = PEER,
        /// `success`, or why not, under its MQTT 5 name for every version.
        reason_code: ConnackReason = ConnackReason::Success,
        /// Whether nobody has checked the user name.
        is_anonymous: bool = false,
        /// Whether the ACL does not bind it.
        is_superuser: bool = false,
        /// Who decided: the name of an authenticator; `anonymous` for a client without a password that none of them knows,
        /// `none` for one with a password.
        authn_source: ByteString = "users".into(),
        /// Why it was refused, in words.
        detail: Option<ByteString> = None,
        /// How many such refusals this one stands for; 1 unless they came too fast.
        repeated: u32 = 1,
        /// Attributes of the client.
        client_attrs: LazyMap = LazyMap::empty(),
    }
}

event! {
    /// It was decided whether a client may use a topic.
    ///
    /// Emitted for every PUBLISH and every filter of a SUBSCRIBE.
    ClientCheckAuthzComplete {
        /// The identifier of the client.
        clientid: ByteString = "pump-17".into(),
        /// The user name, where one was sent.
        username: Option<ByteString> = Some("plant".into()),
        /// The address of the client, without the port.
        peerhost: IpAddr = PEER.ip(),
        /// The address of the client, `host:port`.
        peername: SocketAddr = PEER,
        /// The topic name or the topic filter.
        topic: ByteString = "plant/17/temp".into(),
        /// What the client wanted to do.
        action: PermissionAction = PermissionAction::Publish,
        /// Whether it may.
        result: Permission = Permission::Deny,
        /// Who decided: `file`, `superuser`, or `default` where there is no ACL file.
        authz_source: ByteString = "file".into(),
        /// Attributes of the client.
        client_attrs: LazyMap = LazyMap::empty(),
    }
}
