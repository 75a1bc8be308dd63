//! Numbers.

mod abs;
mod acos;
mod acosh;
mod asin;
mod asinh;
mod atan;
mod atanh;
mod ceil;
mod cos;
mod cosh;
mod div;
mod exp;
mod floor;
mod fmod;
mod log;
mod log10;
mod log2;
mod mod_;
mod power;
mod round;
mod sign;
mod sin;
mod sinh;
mod sqrt;
mod tan;
mod tanh;
mod trunc;

use super::Function;

/// The functions of this folder.
pub(super) const ALL: &[&Function] = &[
    &abs::ABS,
    &acos::ACOS,
    &acosh::ACOSH,
    &asin::ASIN,
    &asinh::ASINH,
    &atan::ATAN,
    &atanh::ATANH,
    &ceil::CEIL,
    &cos::COS,
    &cosh::COSH,
    &div::DIV,
    &exp::EXP,
    &floor::FLOOR,
    &fmod::FMOD,
    &log10::LOG10,
    &log2::LOG2,
    &log::LOG,
    &mod_::MOD,
    &power::POWER,
    &round::ROUND,
    &sign::SIGN,
    &sin::SIN,
    &sinh::SINH,
    &sqrt::SQRT,
    &tan::TAN,
    &tanh::TANH,
    &trunc::TRUNC,
];
