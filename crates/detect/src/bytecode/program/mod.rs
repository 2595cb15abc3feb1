//! A verified program in the form that is interpreted.

mod lower;
mod types;
mod globals;

use super::draft::{Draft, Kind};
use crate::bytecode::api;
pub(crate) use types::{Class, Types};

/// Most functions of a program. The largest of ClamAV's has a few; stops a table that is all there is.
const MAX_FUNCTIONS: usize = 4096;
/// Most parameters of a function, as in the compiler's language.
pub(crate) const MAX_PARAMETERS: usize = 16;
/// Most instructions of a function, as in the compiler's language.
const MAX_INSTRUCTIONS: usize = 32 << 10;
/// Most values of a function.
const MAX_VALUES: usize = 64 << 10;
/// Most bytes of a type or of all globals together. The largest array of ClamAV's programs has some kilobytes.
const MAX_SIZE: u32 = 16 << 20;

/// What is wrong with a program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct Fault {
    /// Where: the part of the program, with numbers that count from 0.
    pub place: String,
    /// Why it cannot be used.
    pub reason: String,
}

impl Fault {
    fn new(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { place: place.into(), reason: reason.into() }
    }
}

/// A verified program.
#[derive(Debug)]
pub struct Program {
    kind: Kind,
    /// The bytes of each global, which are never written to.
    pub(crate) globals: Vec<Vec<u8>>,
    pub(crate) functions: Vec<Function>,
}

impl Program {
    /// Verifies a draft.
    ///
    /// # Errors
    /// The first [`Fault`].
    pub fn new(draft: &Draft) -> Result<Self, Fault> {
        let types = Types::new(&draft.types)?;
        if draft.imports.len() > api::COUNT {
            return Err(Fault::new(
                "imports",
                format!("{} of them, at most {}", draft.imports.len(), api::COUNT),
            ));
        }
        for (place, import) in draft.imports.iter().enumerate() {
            let place = || format!("import {place}");
            let (parameters, returns) =
                types.function(import.prototype).map_err(|reason| Fault::new(place(), reason))?;
            let function = api::function(import.number)
                .ok_or_else(|| Fault::new(place(), format!("there is no function {}", import.number)))?;
            if function.name != import.name {
                let reason =
                    format!("function {} is {}, not {:?}", import.number, function.name, import.name);
                return Err(Fault::new(place(), reason));
            }
            function.check(parameters, returns, &types).map_err(|reason| {
                Fault::new(place(), format!("{} has another prototype: {reason}", function.name))
            })?;
        }
        let globals = globals::lay_out(&draft.globals, &types)?;
        if draft.functions.is_empty() || draft.functions.len() > MAX_FUNCTIONS {
            return Err(Fault::new(
                "functions",
                format!("{}, expected 1 to {MAX_FUNCTIONS}", draft.functions.len()),
            ));
        }
        if draft.functions.first().is_some_and(|first| first.parameters > 0) {
            return Err(Fault::new("function 0", "the program begins with a function that has parameters"));
        }
        let functions = (0..draft.functions.len())
            .map(|number| lower::function(draft, number, &types))
            .collect::<Result<_, _>>()?;
        Ok(Self { kind: draft.kind, globals, functions })
    }

    /// What makes it run.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

/// A function: a list of steps in which jumps go to places that exist.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) parameters: Vec<Place>,
    /// Number of registers.
    pub(crate) registers: u32,
    /// Sizes of the values that live in memory, in bytes.
    pub(crate) objects: Vec<u32>,
    pub(crate) steps: Vec<Step>,
}

/// Where an operand comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A register.
    Register(u32),
    /// An integer of so many bytes in an object of the function.
    Object(u32, u8),
    /// The address of an object of the function.
    Address(u32),
    /// A constant, or a pointer to a global.
    Constant(u64),
}

/// Where a result goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A register.
    Register(u32),
    /// An integer of so many bytes in an object of the function.
    Object(u32, u8),
}

/// What a step does.
#[derive(Debug)]
pub(crate) enum Step {
    /// Arithmetic on integers of so many bits.
    Binary { operation: Binary, bits: u8, left: Source, right: Source, into: Place },
    /// An integer of another width.
    Resize { signed: bool, from: u8, to: u8, source: Source, into: Place },
    /// Compares integers of so many bits.
    Compare { comparison: Comparison, bits: u8, left: Source, right: Source, into: Place },
    /// Goes on at one of two steps.
    Branch { condition: Source, yes: u32, no: u32 },
    /// Goes on at a step.
    Jump(u32),
    /// Returns from the function.
    Return(Option<Source>),
    /// One of two values.
    Select { condition: Source, yes: Source, no: Source, into: Place },
    /// Calls a function of the program.
    Call { function: u32, arguments: Box<[Source]>, into: Option<Place> },
    /// Calls a function of the host.
    Api { function: &'static api::Function, arguments: Box<[Source]>, into: Option<Place> },
    /// Copies a value.
    Copy { source: Source, into: Place },
    /// Adds an offset to a pointer, and integers of so many bits, each times its stride.
    Offset { base: Source, offset: u32, terms: Box<[(Source, u8, u32)]>, into: Place },
    /// Writes an integer of so many bytes.
    Store { bytes: u8, value: Source, pointer: Source },
    /// Reads an integer of so many bytes.
    Load { bytes: u8, pointer: Source, into: Place },
    /// Fills or copies memory.
    Fill { operation: Fill, target: Source, with: Source, size: Source },
    /// Compares memory as `memcmp` does.
    CompareMemory { left: Source, right: Source, size: Source, into: Place },
    /// Turns the bytes of an integer round.
    Swap { bytes: u8, source: Source, into: Place },
    /// The distance of two pointers.
    Difference { left: Source, right: Source, into: Place },
    /// Ends the program as failed.
    Abort,
}

/// Arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Sub,
    Mul,
    UnsignedDiv,
    SignedDiv,
    UnsignedRem,
    SignedRem,
    ShiftLeft,
    ShiftRight,
    SignedShiftRight,
    And,
    Or,
    Xor,
}

/// Comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Above,
    AboveOrEqual,
    Below,
    BelowOrEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// What is done to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    /// Every byte becomes the lowest byte of a number.
    Set,
    /// Bytes are copied as if there were a copy of them between.
    Copy,
}
