//! The words of the language.

use super::span::Span;

/// A word of the text with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A bare name; also the words that are operators or constants only where one may stand, such as `like`.
    Name,
    /// `"..."`: a name or a topic, never a text.
    QuotedName,
    /// `'...'`.
    Text,
    Int,
    Float,
    Keyword(Keyword),
    Plus,
    Minus,
    Star,
    Slash,
    OpenParenthesis,
    CloseParenthesis,
    OpenBracket,
    CloseBracket,
    OpenBrace,
    CloseBrace,
    Comma,
    Colon,
    Semicolon,
    Dot,
    DotDot,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// `=~`.
    TopicMatch,
    /// The end of the text.
    End,
}

macro_rules! keywords {
    ($($variant:ident $word:literal)*) => {
        /// A word that is reserved wherever it stands, in upper or lower case; not as a step of a path.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Keyword { $($variant,)* }

        impl Keyword {
            pub(super) const ALL: &'static [Keyword] = &[$(Keyword::$variant,)*];

            /// The word in upper case.
            pub(super) const fn word(self) -> &'static str {
                match self { $(Keyword::$variant => $word,)* }
            }
        }
    };
}

keywords! {
    And "AND" As "AS" Case "CASE" Do "DO" Else "ELSE" Elsif "ELSIF" End "END" Foreach "FOREACH" From "FROM" If "IF"
    In "IN" Incase "INCASE" Not "NOT" Or "OR" Select "SELECT" Then "THEN" When "WHEN" Where "WHERE"
}

impl Keyword {
    /// The keyword that a bare name is.
    pub(super) fn of(name: &str) -> Option<Keyword> {
        Keyword::ALL.iter().copied().find(|keyword| keyword.word().eq_ignore_ascii_case(name))
    }

    /// Whether a clause begins here, where the parser can go on after a mistake.
    pub(super) const fn begins_clause(self) -> bool {
        matches!(
            self,
            Keyword::Select | Keyword::Foreach | Keyword::Do | Keyword::Incase | Keyword::From | Keyword::Where
        )
    }
}
