//! The function `ip_in_cidr`.

use std::net::{IpAddr, SocketAddr};

use events::{Type, Value};

use crate::functions::Function;
use crate::functions::function::{any, example, fails, text};

pub(super) const IP_IN_CIDR: Function = Function {
    name: "ip_in_cidr",
    doc: "Whether an address is in a network such as `10.0.0.0/8`, or in one of a list of them. It may be of IPv4 or IPv6, with or without a port, as in `peerhost` and `peername`.",
    params: &[text("address"), any("network")],
    returns: Type::Bool,
    examples: &[
        example("ip_in_cidr('10.1.2.3', '10.0.0.0/8')", "true"),
        example("ip_in_cidr('192.168.0.10:52000', '192.168.0.0/24')", "true"),
        example("ip_in_cidr('[2001:db8::7]:1883', '2001:db8::/32')", "true"),
        example("ip_in_cidr('172.16.0.1', ['10.0.0.0/8', '172.16.0.1'])", "true"),
        example("ip_in_cidr('::ffff:10.0.0.1', '10.0.0.0/8')", "true"),
        example("ip_in_cidr('10.0.0.1', '::/0')", "false"),
        fails("ip_in_cidr('pump-17', '10.0.0.0/8')", "`address` must be an IP address, found the text 'pump-17'"),
        fails("ip_in_cidr('10.0.0.1', '10.0.0.0/33')", "`network` must be a network such as `10.0.0.0/8`"),
    ],
    call: |args| {
        let address = address_of(args.text(0)?).ok_or_else(|| args.out_of_range(0, "an IP address"))?;
        let one = [args.value(1).clone()];
        let networks = match args.value(1) {
            Value::List(networks) => networks.as_slice(),
            _ => &one,
        };
        let mut found = false;
        for network in networks {
            args.budget.step()?;
            let network = network.as_text().and_then(Network::of);
            let network = network.ok_or_else(|| args.out_of_range(1, "a network such as `10.0.0.0/8`"))?;
            found |= network.has(address);
        }
        Ok(found.into())
    },
};

/// An address in its shortest form: IPv4 that is wrapped in IPv6 is IPv4.
fn address_of(text: &str) -> Option<IpAddr> {
    let address = text.parse().or_else(|_| text.parse().map(|socket: SocketAddr| socket.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

/// The addresses whose first bits are the same.
struct Network {
    bits: u128,
    /// How many bits of an address count.
    prefix: u32,
    /// How many bits an address has.
    width: u32,
}

impl Network {
    /// `10.0.0.0/8`, or a single address.
    fn of(text: &str) -> Option<Network> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().ok()?;
        let (bits, width) = bits_of(address);
        let prefix = prefix.map_or(Some(width), |prefix| prefix.parse().ok()).filter(|prefix| *prefix <= width)?;
        Some(Network { bits, prefix, width })
    }

    fn has(&self, address: IpAddr) -> bool {
        let (bits, width) = bits_of(address);
        width == self.width && (bits ^ self.bits).checked_shr(width - self.prefix).unwrap_or(0) == 0
    }
}

fn bits_of(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (u32::from(address).into(), 32),
        IpAddr::V6(address) => (address.into(), 128),
    }
}
