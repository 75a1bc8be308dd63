//! "Did you mean": the help that names the known name that is nearest to an unknown one.

pub(crate) use events::closest as nearest;

/// The help that names the nearest.
pub(crate) fn did_you_mean<'k>(found: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    nearest(found, known).map(|name| format!("did you mean `{name}`?"))
}
