//! The function `sprintf`.

use events::Type;

use super::format::format;
use crate::functions::Function;
use crate::functions::function::{any, example, fails, rest, text};

pub(super) const SPRINTF: Function = Function {
    name: "sprintf",
    doc: "The format with its directives filled in, as Erlang has them: `~s` text, `~p` and `~w` any value, `~B` an integer, `~.2f` a float, `~e` and `~g` floats with exponents, `~c` the number of a character, `~.16B` and `~.16#` other bases, `~~` a tilde, `~n` a line end. Before the letter may stand width, precision and padding: `~-10s`, `~8.2f`, `~2..0B`; `*` takes one of them from the values.",
    params: &[text("format"), rest(any("value"))],
    returns: Type::Text,
    examples: &[
        example("sprintf('~s has ~B, ~.2f', 'x', 5, 1.5)", r#""x has 5, 1.50""#),
        example("sprintf('~2..0B:~2..0B', 7, 30)", r#""07:30""#),
        example("sprintf('[~5s|~-5s|~3s]', 'ab', 'ab', 'abcdef')", r#""[   ab|ab   |abc]""#),
        example("sprintf('~.16B ~.16b ~.2# ~4.10.0B', 255, 255, 5, 42)", r#""FF ff 2#101 0042""#),
        example("sprintf('~e ~g ~8.3f', 1.5, 0.5, 2.0)", r#""1.50000e+0 0.500000    2.000""#),
        example("sprintf('~p ~w ~c~~', {'k': [1, null]}, 2.5, 65)", r#""{\"k\":[1,null]} 2.5 A~""#),
        example("sprintf('~*s ~ts ~X', 4, 'x', 'é', 255, '0x')", r#""   x é 0x255""#),
        example("sprintf('~2B', 12345)", r#""**""#),
        fails("sprintf('~z', 1)", "`format` must be a format"),
        fails("sprintf('~s')", "the format wants more values than the 0 that are given"),
        fails("sprintf('~s', 'a', 'b')", "the format has no use for 1 of the 2 values"),
        fails("sprintf('~s', 5)", "`~s` wants text, found the number 5"),
        fails("sprintf('~.2f', 5)", "`~f` wants a float, found the number 5"),
    ],
    call: |args| format(args, args.given().get(1..).unwrap_or_default()),
};
