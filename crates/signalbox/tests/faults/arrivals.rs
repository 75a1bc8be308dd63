//! What has arrived at one place, by client.

use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Outputs of one rule in the order in which they arrived.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    /// How many have arrived, repetitions included.
    pub(crate) total: u64,
    output_ids: HashSet<u128>,
    clients: BTreeMap<String, Client>,
    /// What arrived for the first time after something later of its client.
    pub(crate) disordered: Vec<String>,
}

#[derive(Debug, Default)]
struct Client {
    numbers: BTreeSet<u64>,
}

impl Arrivals {
    /// Takes up the output `output_id`, which is the `number`th of its client.
    pub(crate) fn add(&mut self, client: &str, number: u64, output_id: &str) {
        self.total += 1;
        self.output_ids.insert(u128::from_str_radix(output_id, 16).unwrap());
        if !self.clients.contains_key(client) {
            self.clients.insert(client.to_owned(), Client::default());
        }
        let numbers = &mut self.clients.get_mut(client).unwrap().numbers;
        let last = numbers.last().copied().unwrap_or(0);
        if numbers.insert(number) && number < last {
            self.disordered.push(format!("{client}: {number} came after {last}"));
        }
    }

    /// How many outputs there are.
    pub(crate) fn outputs(&self) -> u64 {
        u64::try_from(self.output_ids.len()).unwrap()
    }

    /// How many messages or events there are: one that a client has sent again is one.
    pub(crate) fn distinct(&self) -> u64 {
        self.clients.values().map(|client| u64::try_from(client.numbers.len()).unwrap()).sum()
    }

    pub(crate) fn has(&self, client: &str, number: u64) -> bool {
        self.clients.get(client).is_some_and(|client| client.numbers.contains(&number))
    }

    /// Every number of every client.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, u64)> {
        self.clients.iter().flat_map(|(id, client)| client.numbers.iter().map(|number| (id.as_str(), *number)))
    }
}
