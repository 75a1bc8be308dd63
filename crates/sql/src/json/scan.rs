//! One pass over a text that checks it to be JSON (RFC 8259) and notes where its values are.

use events::plain_len;

use super::DEPTH_MAX;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Null,
    True,
    False,
    /// Digits only.
    Int,
    /// With a point or an exponent.
    Float,
    /// Without escapes; the span is what stands between the quotes.
    Text,
    /// With escapes.
    Escaped,
    List,
    Object,
}

/// A value or a key of an object, which stands right before its value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) shape: Shape,
    pub(super) start: u32,
    pub(super) end: u32,
    /// The token after this one and all that is inside of it.
    pub(super) next: u32,
}

/// Where the text stops being JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotJsonAt(pub(super) usize);

/// The tokens of `text`, the outermost value first.
pub(super) fn scan(text: &str) -> Result<Vec<Token>, NotJsonAt> {
    if u32::try_from(text.len()).is_err() {
        return Err(NotJsonAt(0));
    }
    let mut tokens = Vec::with_capacity(text.len() / 5 + 8);
    let mut scanner =
        Scanner { bytes: text.as_bytes(), at: 0, open: NONE, in_object: false, wants_key: false, depth: 0 };
    scanner.skip_space();
    scanner.scan_value(&mut tokens)?;
    scanner.skip_space();
    if scanner.at < scanner.bytes.len() {
        return Err(NotJsonAt(scanner.at));
    }
    Ok(tokens)
}

/// No list and no object is open.
const NONE: u32 = u32::MAX;

/// Where the scan is. No function that is not inlined takes it by reference, and the tokens stand beside it, so that its
/// fields live in registers: that halves the time of a scan.
struct Scanner<'t> {
    bytes: &'t [u8],
    at: usize,
    /// The innermost list or object that is not closed yet; its `next` is the one around it until it is closed.
    open: u32,
    /// Whether that is an object.
    in_object: bool,
    /// Whether the next thing has to be the key of a member.
    wants_key: bool,
    /// How many are not closed yet.
    depth: usize,
}

impl Scanner<'_> {
    /// One value with all that is in it. No recursion: a peer chooses the depth.
    #[inline(always)]
    fn scan_value(&mut self, tokens: &mut Vec<Token>) -> Result<(), NotJsonAt> {
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.scan_text(tokens)?;
                    if self.wants_key {
                        self.scan_colon()?;
                        continue;
                    }
                }
                Some(_) if self.wants_key => return self.refuse(),
                Some(b'-' | b'0'..=b'9') => self.scan_number(tokens)?,
                Some(b'{') => {
                    if self.open_container(tokens, Shape::Object)? {
                        continue;
                    }
                }
                Some(b'[') => {
                    if self.open_container(tokens, Shape::List)? {
                        continue;
                    }
                }
                Some(b't') => self.scan_word(tokens, b"true", Shape::True)?,
                Some(b'f') => self.scan_word(tokens, b"false", Shape::False)?,
                Some(b'n') => self.scan_word(tokens, b"null", Shape::Null)?,
                Some(_) | None => return self.refuse(),
            }
            if !self.scan_after_value(tokens)? {
                return Ok(());
            }
        }
    }

    /// After a value: closes what closes here; `true` where another value follows, or a member.
    #[inline(always)]
    fn scan_after_value(&mut self, tokens: &mut [Token]) -> Result<bool, NotJsonAt> {
        while self.open != NONE {
            self.skip_space();
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    self.skip_space();
                    self.wants_key = self.in_object;
                    return Ok(true);
                }
                Some(b'}') if self.in_object => self.close(tokens),
                Some(b']') if !self.in_object => self.close(tokens),
                Some(_) | None => return self.refuse(),
            }
        }
        Ok(false)
    }

    /// `{` or `[`; `true` where something follows in it, `false` where the container is closed at once.
    #[inline(always)]
    fn open_container(&mut self, tokens: &mut Vec<Token>, shape: Shape) -> Result<bool, NotJsonAt> {
        if self.depth >= DEPTH_MAX {
            return self.refuse();
        }
        self.depth += 1;
        let start = place(self.at);
        let around = std::mem::replace(&mut self.open, place(tokens.len()));
        tokens.push(Token { shape, start, end: start, next: around });
        self.in_object = shape == Shape::Object;
        self.at += 1;
        self.skip_space();
        let closing = if self.in_object { b'}' } else { b']' };
        if self.peek() == Some(closing) {
            self.close(tokens);
            return Ok(false);
        }
        self.wants_key = self.in_object;
        Ok(true)
    }

    #[inline(always)]
    fn close(&mut self, tokens: &mut [Token]) {
        self.at += 1;
        self.depth -= 1;
        let (end, next) = (place(self.at), place(tokens.len()));
        if let Some(token) = tokens.get_mut(super::index(self.open)) {
            self.open = std::mem::replace(&mut token.next, next);
            token.end = end;
        }
        self.in_object = tokens.get(super::index(self.open)).is_some_and(|around| around.shape == Shape::Object);
    }

    /// Behind a key.
    #[inline(always)]
    fn scan_colon(&mut self) -> Result<(), NotJsonAt> {
        self.skip_space();
        if self.peek() != Some(b':') {
            return self.refuse();
        }
        self.at += 1;
        self.skip_space();
        self.wants_key = false;
        Ok(())
    }

    #[inline(always)]
    fn scan_word(&mut self, tokens: &mut Vec<Token>, word: &[u8], shape: Shape) -> Result<(), NotJsonAt> {
        let start = self.at;
        if !self.rest().starts_with(word) {
            return self.refuse();
        }
        self.at += word.len();
        self.push(tokens, shape, start, self.at);
        Ok(())
    }

    #[inline(always)]
    fn scan_text(&mut self, tokens: &mut Vec<Token>) -> Result<(), NotJsonAt> {
        let start = self.at + 1;
        self.at = start + plain_len(self.bytes.get(start..).unwrap_or_default());
        let mut shape = Shape::Text;
        if self.peek() != Some(b'"') {
            shape = Shape::Escaped;
            self.at = end_of_escaped(self.bytes, self.at)?;
        }
        self.push(tokens, shape, start, self.at);
        self.at += 1;
        Ok(())
    }

    #[inline(always)]
    fn scan_number(&mut self, tokens: &mut Vec<Token>) -> Result<(), NotJsonAt> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.skip_digits(),
            Some(_) | None => return self.refuse(),
        }
        let mut shape = Shape::Int;
        if self.peek() == Some(b'.') {
            shape = Shape::Float;
            self.at += 1;
            self.expect_digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            shape = Shape::Float;
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.expect_digits()?;
        }
        self.push(tokens, shape, start, self.at);
        Ok(())
    }

    #[inline(always)]
    fn expect_digits(&mut self) -> Result<(), NotJsonAt> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return self.refuse();
        }
        self.skip_digits();
        Ok(())
    }

    #[inline(always)]
    fn skip_digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    #[inline(always)]
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    #[inline(always)]
    fn push(&mut self, tokens: &mut Vec<Token>, shape: Shape, start: usize, end: usize) {
        let next = place(tokens.len() + 1);
        tokens.push(Token { shape, start: place(start), end: place(end), next });
    }

    #[inline(always)]
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline(always)]
    fn refuse<T>(&self) -> Result<T, NotJsonAt> {
        Err(NotJsonAt(self.at))
    }
}

/// Where a text ends that has escapes from `at` on: the place of its quote.
#[cold]
#[inline(never)]
fn end_of_escaped(bytes: &[u8], mut at: usize) -> Result<usize, NotJsonAt> {
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        match rest.first() {
            Some(b'"') => return Ok(at),
            Some(b'\\') => at += escape_len(rest).ok_or(NotJsonAt(at))?,
            Some(0x20..) => at += plain_len(rest),
            Some(_) | None => return Err(NotJsonAt(at)),
        }
    }
}

/// How long the escape is that `rest` begins with; `None` where it is none.
fn escape_len(rest: &[u8]) -> Option<usize> {
    match rest.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => match super::unescape::code_unit(rest)? {
            // Half a pair: the other half has to follow.
            0xD800..=0xDBFF => match super::unescape::code_unit(rest.get(6..)?)? {
                0xDC00..=0xDFFF => Some(12),
                _ => None,
            },
            0xDC00..=0xDFFF => None,
            _ => Some(6),
        },
        _ => None,
    }
}

/// A place in the text or among the tokens, of which there are no more than bytes.
#[expect(clippy::cast_possible_truncation, reason = "`scan` refuses texts of which the places do not fit")]
const fn place(at: usize) -> u32 {
    at as u32
}
