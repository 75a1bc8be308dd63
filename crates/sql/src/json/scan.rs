//! One pass over a text that checks it to be JSON (RFC 8259) and notes where its values are.

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
    let tokens = Vec::with_capacity(text.len() / 5 + 8);
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0, tokens, open: NONE, depth: 0 };
    scanner.skip_space();
    scanner.scan_value()?;
    scanner.skip_space();
    if scanner.at < scanner.bytes.len() {
        return Err(NotJsonAt(scanner.at));
    }
    Ok(scanner.tokens)
}

/// No list and no object is open.
const NONE: u32 = u32::MAX;

struct Scanner<'t> {
    bytes: &'t [u8],
    at: usize,
    tokens: Vec<Token>,
    /// The innermost list or object that is not closed yet; its `next` is the one around it until it is closed.
    open: u32,
    /// How many are not closed yet.
    depth: usize,
}

impl Scanner<'_> {
    /// One value with all that is in it. No recursion: a peer chooses the depth.
    fn scan_value(&mut self) -> Result<(), NotJsonAt> {
        loop {
            let opened = match self.peek() {
                Some(b'{') => self.open_container(Shape::Object)?,
                Some(b'[') => self.open_container(Shape::List)?,
                Some(_) => {
                    self.scan_scalar()?;
                    false
                }
                None => return self.refuse(),
            };
            if opened {
                continue;
            }
            if !self.scan_after_value()? {
                return Ok(());
            }
        }
    }

    /// After a value: closes what closes here; `true` where another value follows.
    fn scan_after_value(&mut self) -> Result<bool, NotJsonAt> {
        while let Some(innermost) = self.tokens.get(super::index(self.open)) {
            let in_object = innermost.shape == Shape::Object;
            self.skip_space();
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    self.skip_space();
                    if in_object {
                        self.scan_key()?;
                    }
                    return Ok(true);
                }
                Some(b'}') if in_object => self.close(),
                Some(b']') if !in_object => self.close(),
                Some(_) | None => return self.refuse(),
            }
        }
        Ok(false)
    }

    /// `{` or `[`; `true` where a value follows, `false` where the container is closed at once.
    fn open_container(&mut self, shape: Shape) -> Result<bool, NotJsonAt> {
        if self.depth >= DEPTH_MAX {
            return self.refuse();
        }
        self.depth += 1;
        let start = place(self.at);
        let around = std::mem::replace(&mut self.open, place(self.tokens.len()));
        self.tokens.push(Token { shape, start, end: start, next: around });
        self.at += 1;
        self.skip_space();
        let closing = if shape == Shape::Object { b'}' } else { b']' };
        if self.peek() == Some(closing) {
            self.close();
            return Ok(false);
        }
        if shape == Shape::Object {
            self.scan_key()?;
        }
        Ok(true)
    }

    fn close(&mut self) {
        self.at += 1;
        self.depth -= 1;
        let (end, next) = (place(self.at), place(self.tokens.len()));
        if let Some(token) = self.tokens.get_mut(super::index(self.open)) {
            self.open = std::mem::replace(&mut token.next, next);
            token.end = end;
        }
    }

    fn scan_key(&mut self) -> Result<(), NotJsonAt> {
        if self.peek() != Some(b'"') {
            return self.refuse();
        }
        self.scan_text()?;
        self.skip_space();
        if self.peek() != Some(b':') {
            return self.refuse();
        }
        self.at += 1;
        self.skip_space();
        Ok(())
    }

    fn scan_scalar(&mut self) -> Result<(), NotJsonAt> {
        match self.peek() {
            Some(b'"') => self.scan_text(),
            Some(b'-' | b'0'..=b'9') => self.scan_number(),
            Some(b't') => self.scan_word(b"true", Shape::True),
            Some(b'f') => self.scan_word(b"false", Shape::False),
            Some(b'n') => self.scan_word(b"null", Shape::Null),
            Some(_) | None => self.refuse(),
        }
    }

    fn scan_word(&mut self, word: &[u8], shape: Shape) -> Result<(), NotJsonAt> {
        let start = self.at;
        if !self.rest().starts_with(word) {
            return self.refuse();
        }
        self.at += word.len();
        self.push(shape, start, self.at);
        Ok(())
    }

    #[inline]
    fn scan_text(&mut self) -> Result<(), NotJsonAt> {
        self.at += 1;
        let start = self.at;
        let mut shape = Shape::Text;
        loop {
            while self.peek().is_some_and(is_plain) {
                self.at += 1;
            }
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    shape = Shape::Escaped;
                    self.scan_escape()?;
                }
                Some(_) | None => return self.refuse(),
            }
        }
        self.push(shape, start, self.at);
        self.at += 1;
        Ok(())
    }

    fn scan_escape(&mut self) -> Result<(), NotJsonAt> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let Some(unit) = super::unescape::code_unit(self.rest()) else { return self.refuse() };
                self.at += 6;
                match unit {
                    0xD800..=0xDBFF => match super::unescape::code_unit(self.rest()) {
                        Some(0xDC00..=0xDFFF) => self.at += 6,
                        Some(_) | None => return self.refuse(),
                    },
                    0xDC00..=0xDFFF => return self.refuse(),
                    _ => {}
                }
            }
            Some(_) | None => return self.refuse(),
        }
        Ok(())
    }

    fn scan_number(&mut self) -> Result<(), NotJsonAt> {
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
        self.push(shape, start, self.at);
        Ok(())
    }

    fn expect_digits(&mut self) -> Result<(), NotJsonAt> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return self.refuse();
        }
        self.skip_digits();
        Ok(())
    }

    fn skip_digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn push(&mut self, shape: Shape, start: usize, end: usize) {
        let next = place(self.tokens.len() + 1);
        self.tokens.push(Token { shape, start: place(start), end: place(end), next });
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn refuse<T>(&self) -> Result<T, NotJsonAt> {
        Err(NotJsonAt(self.at))
    }
}

/// A place in the text or among the tokens, of which there are no more than bytes.
#[expect(clippy::cast_possible_truncation, reason = "`scan` refuses texts of which the places do not fit")]
const fn place(at: usize) -> u32 {
    at as u32
}

/// Which bytes of a text stand for themselves.
const PLAIN: [bool; 256] = {
    let mut plain = [true; 256];
    let mut control = 0;
    while control < 0x20 {
        plain[control] = false;
        control += 1;
    }
    plain[b'"' as usize] = false;
    plain[b'\\' as usize] = false;
    plain
};

const fn is_plain(byte: u8) -> bool {
    PLAIN[byte as usize]
}
