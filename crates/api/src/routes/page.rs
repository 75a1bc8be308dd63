//! Pages of long lists, in EMQX's shape.

use serde::{Deserialize, Serialize};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::problem::Problem;

/// Items on a page where nobody asks for a number, and the most there may be.
const LIMIT: usize = 100;
const LIMIT_MAX: usize = 10_000;

/// The last page there may be.
const PAGE_MAX: usize = 1_000_000_000;

/// The parameters `page` and `limit`.
pub(crate) type PageNumber = UpTo<PAGE_MAX>;
pub(crate) type PageLimit = UpTo<LIMIT_MAX>;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    data: Vec<T>,
    meta: Meta,
}

/// Where the page stands in the list.
#[derive(Debug, Serialize, ToSchema)]
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
    /// What the caller has asked for, or the first page.
    pub(crate) fn new(page: Option<PageNumber>, limit: Option<PageLimit>) -> Paging {
        Paging { page: page.map_or(1, |UpTo(page)| page), limit: limit.map_or(LIMIT, |UpTo(limit)| limit) }
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

/// A number of a query from 1 to `MAX`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct UpTo<const MAX: usize>(usize);

impl<const MAX: usize> TryFrom<String> for UpTo<MAX> {
    type Error = String;

    fn try_from(text: String) -> Result<UpTo<MAX>, String> {
        let number = text.parse().ok().filter(|number| (1..=MAX).contains(number));
        number.map(UpTo).ok_or_else(|| format!("expected a number from 1 to {MAX}, found `{text}`"))
    }
}

impl<const MAX: usize> PartialSchema for UpTo<MAX> {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(MAX));
        RefOr::T(Schema::Object(number.build()))
    }
}

impl<const MAX: usize> ToSchema for UpTo<MAX> {}

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
        let paging = Paging::new(Some(UpTo(page)), Some(UpTo(limit)));
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
        assert_eq!(page(PAGE_MAX, LIMIT_MAX, 5), (vec![], false));
    }

    #[test]
    fn pages_out_of_range_are_refused() {
        for limit in ["0", "-1", "10001", "1e3", "", "99999999999999999999999"] {
            assert!(PageLimit::try_from(limit.to_owned()).is_err(), "{limit}");
        }
        assert!(PageLimit::try_from("10000".to_owned()).is_ok_and(|UpTo(limit)| limit == 10_000));
    }
}
