//! What stands on the socket between us and a child: lengths, then bytes. Numbers are little-endian.

use std::io::{self, Read, Write};

/// The most bytes of a program, an input, or the outputs of a call.
pub(super) const BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a child says when it can be asked.
pub(super) const READY: u8 = b'r';

/// A call as a child gets it.
#[derive(Debug)]
pub(super) struct Request {
    /// After how many seconds it may end itself, should nobody do it.
    pub(super) seconds_max: u32,
    pub(super) program: Vec<u8>,
    pub(super) input: Vec<u8>,
}

/// Writes a call.
pub(super) fn write_request(out: &mut impl Write, seconds_max: u32, program: &str, input: &str) -> io::Result<()> {
    let mut head = Vec::with_capacity(12);
    head.extend(seconds_max.to_le_bytes());
    head.extend(length(program.as_bytes())?);
    head.extend(length(input.as_bytes())?);
    out.write_all(&head)?;
    out.write_all(program.as_bytes())?;
    out.write_all(input.as_bytes())?;
    out.flush()
}

/// Reads a call; `None` where no more come.
pub(super) fn read_request(input: &mut impl Read) -> io::Result<Option<Request>> {
    let mut number = [0; 4];
    if let Err(error) = input.read_exact(&mut number) {
        return if error.kind() == io::ErrorKind::UnexpectedEof { Ok(None) } else { Err(error) };
    }
    let seconds_max = u32::from_le_bytes(number);
    let (program_len, input_len) = (read_length(input)?, read_length(input)?);
    let (program, input) = (read_bytes(input, program_len)?, read_bytes(input, input_len)?);
    Ok(Some(Request { seconds_max, program, input }))
}

/// Writes the outputs, or what went wrong.
pub(super) fn write_answer(out: &mut impl Write, answer: &Result<String, String>) -> io::Result<()> {
    let (tag, text) = match answer {
        Ok(outputs) => (0, outputs),
        Err(message) => (1, message),
    };
    out.write_all(&[tag])?;
    out.write_all(&length(text.as_bytes())?)?;
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Reads the outputs, or what went wrong.
pub(super) fn read_answer(input: &mut impl Read) -> io::Result<Result<String, String>> {
    let mut tag = [0];
    input.read_exact(&mut tag)?;
    let len = read_length(input)?;
    let text = String::from_utf8(read_bytes(input, len)?).map_err(io::Error::other)?;
    Ok(if tag == [0] { Ok(text) } else { Err(text) })
}

fn length(bytes: &[u8]) -> io::Result<[u8; 4]> {
    u32::try_from(bytes.len()).map(u32::to_le_bytes).map_err(io::Error::other)
}

fn read_length(input: &mut impl Read) -> io::Result<usize> {
    let mut number = [0; 4];
    input.read_exact(&mut number)?;
    match usize::try_from(u32::from_le_bytes(number)) {
        Ok(len) if len <= BYTES_MAX => Ok(len),
        Ok(_) | Err(_) => Err(io::Error::other("a frame is longer than it may be")),
    }
}

fn read_bytes(input: &mut impl Read, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in() {
        let mut wire = Vec::new();
        write_request(&mut wire, 7, ".a", "{}").unwrap();
        let request = read_request(&mut wire.as_slice()).unwrap().unwrap();
        assert_eq!((request.seconds_max, &*request.program, &*request.input), (7, &b".a"[..], &b"{}"[..]));
        for answer in [Ok("[1]".to_owned()), Err("no".to_owned())] {
            let mut wire = Vec::new();
            write_answer(&mut wire, &answer).unwrap();
            assert_eq!(read_answer(&mut wire.as_slice()).unwrap(), answer);
        }
        assert!(read_request(&mut io::empty()).unwrap().is_none());
    }

    #[test]
    fn a_frame_longer_than_it_may_be_is_refused_before_it_is_read() {
        let wire = [0, 255, 255, 255, 255];
        assert!(read_answer(&mut wire.as_slice()).is_err());
    }
}
