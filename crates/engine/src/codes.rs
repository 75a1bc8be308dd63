//! The codes of what can be wrong in the header of a rule file. The rule language has E0, E1, E2, E3, E5 and W0; a code
//! is never given a second meaning, and never reused.

/// The header is not closed, or is no TOML.
pub(crate) const HEADER_SYNTAX: &str = "E401";
/// A key that means nothing where it stands.
pub(crate) const UNKNOWN_KEY: &str = "E402";
/// A value of the wrong type, or one that is not allowed.
pub(crate) const VALUE: &str = "E403";
/// A key that has to be there.
pub(crate) const MISSING_KEY: &str = "E404";
/// Two actions or tests of one name, or an action that refers to one that cannot be referred to.
pub(crate) const NAME: &str = "E405";
/// An action whose connector or kind does not take it.
pub(crate) const ACTION: &str = "E406";
/// A test whose event cannot be made.
pub(crate) const TEST_EVENT: &str = "E407";
/// A file name that is no identifier of a rule, or a file that cannot be read as text.
pub(crate) const FILE: &str = "E408";
/// A rule that wakes itself by what it republishes, or rules that wake each other in a circle.
pub(crate) const LOOP: &str = "W401";
