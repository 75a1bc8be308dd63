//! Outputs that are offered to an action together.

use crate::Output;

/// Outputs that are offered together, in the order of arrival.
#[derive(Clone, Debug)]
pub struct Batch {
    number: u64,
    attempts: u32,
    outputs: Vec<Output>,
    sizes: Vec<usize>,
}

impl Batch {
    /// A batch to be offered for the first time, whose first output is the `number`th of its buffer.
    pub(super) fn starting_at(number: u64) -> Batch {
        Batch { number, attempts: 0, outputs: Vec::new(), sizes: Vec::new() }
    }

    /// A batch for what is left of one that was offered `attempts` times.
    pub(super) fn empty(number: u64, attempts: u32) -> Batch {
        Batch { number, attempts, outputs: Vec::new(), sizes: Vec::new() }
    }

    pub(super) fn of_one(number: u64, attempts: u32, output: Output, bytes: usize) -> Batch {
        Batch { number, attempts, outputs: vec![output], sizes: vec![bytes] }
    }

    /// What to send.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// How often it was offered, this time included.
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn len(&self) -> usize {
        self.outputs.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.sizes.iter().sum()
    }

    pub(super) fn push(&mut self, output: Output, bytes: usize) {
        self.outputs.push(output);
        self.sizes.push(bytes);
    }

    pub(super) fn pop_front(&mut self) -> Option<(Output, usize)> {
        if self.outputs.is_empty() {
            return None;
        }
        self.number += 1;
        Some((self.outputs.remove(0), self.sizes.remove(0)))
    }

    pub(super) fn offered(mut self) -> Batch {
        self.attempts += 1;
        self
    }

    /// The two halves, as if they had not been offered this time; a batch of one is given back.
    pub(super) fn split(mut self) -> Result<(Batch, Batch), Batch> {
        if self.outputs.len() < 2 {
            return Err(self);
        }
        let middle = self.outputs.len() / 2;
        self.attempts -= 1;
        let right = Batch {
            number: self.number + super::count(middle),
            attempts: self.attempts,
            outputs: self.outputs.split_off(middle),
            sizes: self.sizes.split_off(middle),
        };
        Ok((self, right))
    }

    pub(super) fn into_parts(self) -> impl Iterator<Item = (Output, usize)> {
        self.outputs.into_iter().zip(self.sizes)
    }
}
