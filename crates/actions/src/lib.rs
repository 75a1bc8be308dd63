//! Ways out: republish, http, postgres, console
