//! How often rules have passed a message on, where it goes from broker to broker.

/// The user property of MQTT 5 under which a message carries the number. What a rule sends to another broker has it, and
/// what comes with it goes on counting: a circle of brokers ends as a circle of rules does.
pub const HOPS_PROPERTY: &str = "signalbox-hops";

/// The number that the user properties of a message carry; 0 where they carry none, and the largest of several.
pub fn hops_of<'p>(user_properties: impl IntoIterator<Item = (&'p str, &'p str)>) -> u8 {
    let of_hops = user_properties.into_iter().filter(|(name, _)| *name == HOPS_PROPERTY);
    of_hops
        .map(|(_, value)| value.parse::<u64>().map_or(0, |hops| u8::try_from(hops).unwrap_or(u8::MAX)))
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_read_whatever_stands_beside_it() {
        for (properties, hops) in [
            (vec![], 0),
            (vec![("a", "7")], 0),
            (vec![("a", "b"), (HOPS_PROPERTY, "3"), (HOPS_PROPERTY, "2")], 3),
            (vec![(HOPS_PROPERTY, "many")], 0),
            (vec![(HOPS_PROPERTY, "1000")], 255),
        ] {
            assert_eq!(hops_of(properties.clone()), hops, "{properties:?}");
        }
    }
}
