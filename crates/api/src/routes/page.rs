//! Pages of long lists, in EMQX's shape.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// Items on a page where nobody asks for a number, and the most there may be.
const LIMIT: usize = 100;
const LIMIT_MAX: usize = 10_000;

/// A page of a list.
#[derive(Debug, Serialize)]
pub(crate) struct Page<T> {
    data: Vec<T>,
    meta: Meta,
}

/// Where the page stands in the list.
#[derive(Debug, Serialize)]
struct Meta {
    page: usize,
    limit: usize,
    /// Items of the whole list; left out where counting them would take too long.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
    hasnext: bool,
}

/// Which page is wanted, from 1 on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paging {
    page: usize,
    limit: usize,
}

impl Paging {
    /// Checks what the caller has asked for.
    pub(crate) fn new(page: Option<usize>, limit: Option<usize>) -> Result<Paging, Problem> {
        let (page, limit) = (page.unwrap_or(1), limit.unwrap_or(LIMIT));
        if page == 0 {
            return Err(Problem::bad_request("expected `page` to be 1 or more, found 0"));
        }
        if limit == 0 || limit > LIMIT_MAX {
            let found = format!("expected `limit` to be from 1 to {LIMIT_MAX}, found {limit}");
            return Err(Problem::bad_request(found));
        }
        Ok(Paging { page, limit })
    }

    /// Items in front of the page.
    fn skipped(self) -> usize {
        (self.page - 1).saturating_mul(self.limit)
    }

    /// How many items are needed to know the page and whether there is another one.
    pub(crate) fn needed(self) -> usize {
        self.skipped().saturating_add(self.limit).saturating_add(1)
    }

    /// The page of a list that is there as a whole.
    pub(crate) fn cut<I, T>(self, all: &[I], shown: impl FnMut(&I) -> T) -> Page<T> {
        let page = self.cut_of_some(all, shown);
        Page { meta: Meta { count: Some(all.len()), ..page.meta }, ..page }
    }

    /// The page of a list of which only the first [`Paging::needed`] items are there.
    pub(crate) fn cut_of_some<I, T>(self, first: &[I], shown: impl FnMut(&I) -> T) -> Page<T> {
        let data: Vec<T> = first.iter().skip(self.skipped()).take(self.limit).map(shown).collect();
        let hasnext = first.len() >= self.needed();
        Page { data, meta: Meta { page: self.page, limit: self.limit, count: None, hasnext } }
    }
}

/// The parameters of a query. What does not fit is told as a problem.
#[derive(Debug)]
pub(crate) struct Parameters<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Parameters<T>, Problem> {
        let read = Query::<T>::try_from_uri(&parts.uri);
        read.map(|Query(parameters)| Parameters(parameters))
            .map_err(|refused| Problem::bad_request(refused.body_text()))
    }
}

/// Whether something fits what is wanted: where nothing is, everything does.
pub(crate) fn fits<T: ?Sized>(wanted: Option<&T>, fits: impl FnOnce(&T) -> bool) -> bool {
    wanted.is_none_or(fits)
}

/// Answers a question that may take longer than a turn of the runtime may.
pub(crate) async fn blocking<T: Send + 'static>(answer: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(answer).await.map_err(|_panicked| Problem::internal())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(page: usize, limit: usize, len: usize) -> (Vec<usize>, bool) {
        let all: Vec<usize> = (0..len).collect();
        let paging = Paging::new(Some(page), Some(limit)).unwrap();
        let page = paging.cut(&all, |item| *item);
        assert_eq!(page.meta.count, Some(len));
        (page.data, page.meta.hasnext)
    }

    #[test]
    fn a_page_says_whether_there_is_another_one() {
        assert_eq!(page(1, 2, 5), (vec![0, 1], true));
        assert_eq!(page(2, 2, 4), (vec![2, 3], false));
        assert_eq!(page(3, 2, 5), (vec![4], false));
        assert_eq!(page(9, 2, 5), (vec![], false));
        assert_eq!(page(usize::MAX, 10_000, 5), (vec![], false));
    }

    #[test]
    fn pages_out_of_range_are_refused() {
        for (page, limit) in [(0, 1), (1, 0), (1, 10_001)] {
            assert!(Paging::new(Some(page), Some(limit)).is_err(), "{page} {limit}");
        }
    }
}
