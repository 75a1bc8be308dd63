//! The header `traceparent` (W3C Trace Context): by it the spans of a receiver belong to the trace of the sender.

use engine::OutputId;

/// The value for a request about an output: the trace that its sender has begun goes on where `parent` is one, else the
/// output begins one, whose identifier is its own. `span` is that of the request.
pub(super) fn traceparent(parent: Option<&str>, output: OutputId, span: &str) -> String {
    match parent.and_then(Parent::read) {
        Some(Parent { trace, flags }) => format!("00-{trace}-{span}-{flags}"),
        None => format!("00-{output}-{span}-01"),
    }
}

/// The identifier of a new span. All zeros is none.
pub(super) fn new_span() -> String {
    format!("{:016x}", fastrand::u64(1..))
}

/// What goes on of a trace.
struct Parent<'a> {
    trace: &'a str,
    flags: &'a str,
}

impl<'a> Parent<'a> {
    /// Reads `00-TRACE-SPAN-FLAGS`. A later version may have more behind the flags.
    fn read(text: &'a str) -> Option<Parent<'a>> {
        let mut fields = text.trim().split('-');
        let (version, trace, span, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let is_hex = |text: &str, len: usize| {
            text.len() == len && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_identifier = |text: &str, len: usize| is_hex(text, len) && text.bytes().any(|byte| byte != b'0');
        let is_version = is_hex(version, 2) && version != "ff" && (version != "00" || fields.next().is_none());
        let is_parent = is_version && is_identifier(trace, 32) && is_identifier(span, 16) && is_hex(flags, 2);
        is_parent.then_some(Parent { trace, flags })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "b7ad6b7169203331";

    #[test]
    fn a_trace_goes_on_with_a_new_span() {
        let parent = format!("00-{TRACE}-00f067aa0ba902b7-00");
        assert_eq!(traceparent(Some(&parent), OutputId(7), SPAN), format!("00-{TRACE}-{SPAN}-00"));
        let later = format!("01-{TRACE}-00f067aa0ba902b7-01-what-comes");
        assert_eq!(traceparent(Some(&later), OutputId(7), SPAN), format!("00-{TRACE}-{SPAN}-01"));
    }

    #[test]
    fn what_is_no_trace_begins_one_that_is_found_by_the_output() {
        let begun = format!("00-{}-{SPAN}-01", OutputId(7));
        let zeros = "0".repeat(32);
        for parent in [
            "".to_owned(),
            TRACE.to_owned(),
            format!("00-{zeros}-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
        ] {
            assert_eq!(traceparent(Some(&parent), OutputId(7), SPAN), begun, "{parent}");
        }
        let span = new_span();
        assert!(span.len() == 16 && span != new_span(), "{span}");
        assert_eq!(traceparent(None, OutputId(7), SPAN), begun);
    }
}
