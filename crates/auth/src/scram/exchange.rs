//! The broker's side of one exchange: the client's first message, our challenge, its proof, our signature (RFC 5802, 3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytestring::ByteString;

use super::credentials::{ITERATIONS, ScramCredentials, ScramHash};
use crate::password::is_same;

/// A client that has been challenged.
#[derive(Debug)]
pub(crate) struct Challenged {
    hash: ScramHash,
    /// The user name, as SASLprep writes it.
    pub(crate) username: ByteString,
    gs2_header: String,
    client_first_bare: String,
    server_first: String,
    nonce: String,
}

/// What a client's first message says.
#[derive(Debug)]
pub(crate) struct ClientFirst {
    /// The user name, as SASLprep writes it.
    pub(crate) username: ByteString,
    gs2_header: String,
    bare: String,
    nonce: String,
}

impl ClientFirst {
    /// Reads `n,,n=user,r=nonce`; or says what is wrong with it.
    pub(crate) fn parse(data: &[u8]) -> Result<ClientFirst, &'static str> {
        let text = std::str::from_utf8(data).map_err(|_| "expected UTF-8 in the first message")?;
        let mut parts = text.splitn(3, ',');
        let (Some(binding), Some(authorized), Some(bare)) = (parts.next(), parts.next(), parts.next()) else {
            return Err("expected `n,,n=USER,r=NONCE` in the first message");
        };
        if !matches!(binding, "n" | "y") {
            return Err("expected no channel binding, as MQTT has none");
        }
        let mut attributes = bare.split(',');
        let name = attributes.next().and_then(|part| part.strip_prefix("n=")).ok_or("expected `n=USER` first")?;
        let nonce = attributes.next().and_then(|part| part.strip_prefix("r=")).filter(|nonce| !nonce.is_empty());
        let nonce = nonce.ok_or("expected `r=NONCE` behind the user")?;
        if !nonce.bytes().all(|byte| matches!(byte, 0x21..=0x7e)) {
            return Err("expected a nonce of printable characters");
        }
        let username = decoded(name).ok_or("expected `=2C` and `=3D` in the user name for `,` and `=`")?;
        let other = authorized.strip_prefix("a=").unwrap_or(authorized);
        if !other.is_empty() && decoded(other).as_deref() != Some(&*username) {
            return Err("expected no other identity than that of the user");
        }
        let prepared =
            stringprep::saslprep(&username).map_err(|_| "expected a user name without forbidden characters")?;
        Ok(ClientFirst {
            username: prepared.as_ref().into(),
            gs2_header: format!("{binding},{authorized},"),
            bare: bare.to_owned(),
            nonce: nonce.to_owned(),
        })
    }

    /// The challenge: what the client has to make its proof of.
    pub(crate) fn challenge(self, hash: ScramHash, (salt, iterations): (&[u8], u32), ours: &[u8]) -> Challenged {
        let nonce = format!("{}{}", self.nonce, STANDARD.encode(ours).replace('=', ""));
        let server_first = format!("r={nonce},s={},i={iterations}", STANDARD.encode(salt));
        Challenged {
            hash,
            username: self.username,
            gs2_header: self.gs2_header,
            client_first_bare: self.bare,
            server_first,
            nonce,
        }
    }
}

impl Challenged {
    /// What the client is sent.
    pub(crate) fn message(&self) -> &[u8] {
        self.server_first.as_bytes()
    }

    /// Whether `c=header,r=nonce,p=proof` proves that the client knows the password: then our signature, by which it
    /// knows that we are who we say.
    pub(crate) fn verify(&self, data: &[u8], credentials: &ScramCredentials) -> Result<Vec<u8>, &'static str> {
        let text = std::str::from_utf8(data).map_err(|_| "expected UTF-8 in the last message")?;
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or("expected `c=...,r=...,p=PROOF`")?;
        let mut attributes = without_proof.split(',');
        let header = attributes.next().and_then(|part| part.strip_prefix("c=")).ok_or("expected `c=` first")?;
        if STANDARD.decode(header).ok().as_deref() != Some(self.gs2_header.as_bytes()) {
            return Err("expected the channel binding of the first message");
        }
        let nonce = attributes.next().and_then(|part| part.strip_prefix("r=")).ok_or("expected `r=` behind it")?;
        if nonce != self.nonce {
            return Err("expected the nonce of this exchange");
        }
        let proof = STANDARD.decode(proof).map_err(|_| "expected a proof in base 64")?;
        let message = format!("{},{},{without_proof}", self.client_first_bare, self.server_first);
        let signature = self.hash.mac(&credentials.stored_key, message.as_bytes());
        if proof.len() != signature.len() {
            return Err("the password is wrong");
        }
        let client_key: Vec<u8> = proof.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        if !is_same(&self.hash.digest(&client_key), &credentials.stored_key) {
            return Err("the password is wrong");
        }
        let ours = self.hash.mac(&credentials.server_key, message.as_bytes());
        Ok(format!("v={}", STANDARD.encode(ours)).into_bytes())
    }
}

/// Credentials that no password has, for a user that is not there: the same each time, so that asking twice tells
/// nothing.
pub(crate) fn decoy(hash: ScramHash, key: &[u8], username: &str) -> ScramCredentials {
    let of = |what: &[u8]| hash.mac(key, &[what, username.as_bytes()].concat());
    let salt = of(b"salt").into_iter().take(16).collect();
    ScramCredentials { hash, iterations: ITERATIONS, salt, stored_key: of(b"stored"), server_key: of(b"server") }
}

/// A user name with its escapes resolved.
fn decoded(name: &str) -> Option<String> {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((before, behind)) = rest.split_once('=') {
        out.push_str(before);
        if let Some(behind) = behind.strip_prefix("2C") {
            out.push(',');
            rest = behind;
        } else {
            out.push('=');
            rest = behind.strip_prefix("3D")?;
        }
    }
    out.push_str(rest);
    Some(out).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange that RFC 7677, 3 prints.
    #[test]
    fn the_exchange_of_the_standard() {
        let credentials = ScramCredentials::parse(
            "$scram-sha-256$i=4096$W22ZaJ0SNY7soEsUEjb6gQ$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY$wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU",
        )
        .unwrap();
        let first = ClientFirst::parse(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO").unwrap();
        assert_eq!(first.username, "user");
        let mut challenged = first.challenge(ScramHash::Sha256, (&credentials.salt, 4096), b"");
        // The broker of the example has chosen this nonce, which is no base 64 of ours.
        challenged.nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".to_owned();
        challenged.server_first = format!("r={},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", challenged.nonce);
        let last = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                    p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        let signature = challenged.verify(last.as_bytes(), &credentials).unwrap();
        assert_eq!(signature, b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        for (changed, wrong) in [
            (last.replace("p=d", "p=e"), "the password is wrong"),
            (last.replace("biws", "eSws"), "expected the channel binding of the first message"),
            (last.replace("r=rOpr", "r=rOps"), "expected the nonce of this exchange"),
            (last.replace(",p=", ",q="), "expected `c=...,r=...,p=PROOF`"),
        ] {
            assert_eq!(challenged.verify(changed.as_bytes(), &credentials), Err(wrong), "{changed}");
        }
    }

    #[test]
    fn first_messages_are_read_strictly() {
        assert_eq!(ClientFirst::parse(b"y,a=a=2Cb,n=a=2Cb,r=x").unwrap().username, "a,b");
        for data in [
            &b"n,,n=user"[..],
            b"n,,r=x,n=user",
            b"p=tls-unique,,n=user,r=x",
            b"n,a=other,n=user,r=x",
            b"n,,n=us=er,r=x",
            b"n,,n=,r=x",
            b"n,,n=user,r=",
            b"n,,n=user,r=a\x01b",
            b"\xff",
            b"",
        ] {
            assert!(ClientFirst::parse(data).is_err(), "{data:?}");
        }
    }

    #[test]
    fn a_user_who_is_not_there_is_challenged_the_same_each_time() {
        let of = |user| decoy(ScramHash::Sha512, &[7; 32], user);
        assert_eq!(of("ann"), of("ann"));
        assert_ne!(of("ann").salt, of("bob").salt);
    }
}
