//! Rules that listen and outputs that arrive
