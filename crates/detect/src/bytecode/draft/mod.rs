//! A program as its file says it. Nothing in it is checked before [`Program::new`](super::Program::new).
//!
//! Also its compact form in a database: numbers of seven bits a byte, lowest first, and lists with their
//! lengths before them.

mod compact;

/// Numbers of types below this one mean the same in every program: 0 is nothing, 1 to 64 are integers of so many
/// bits, 65 to 68 are pointers to integers of 8, 16, 32 and 64 bits.
pub const FIRST_TYPE: u32 = 69;
/// Numbers of globals from this one on are filled in by the host: match counts, the program's kind, facts of
/// executables, the object's size, match offsets.
pub const FIRST_GLOBAL_OF_HOST: u32 = 0x8000;

/// What makes a program run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing by itself.
    Generic,
    /// Once, when the signatures are loaded.
    Startup,
    /// Its logical signature.
    Logical,
    /// A PE file that its logical signature, if it has one, matches.
    PeUnpacker,
    /// Each phase of a PDF document.
    Pdf,
    /// Every PE file.
    PeAll,
    /// Every object before its type is looked at.
    Preclass,
    /// An ELF file that its logical signature matches.
    ElfUnpacker,
    /// A Mach-O file that its logical signature matches.
    MachOUnpacker,
}

impl Kind {
    const NUMBERS: [(Self, u32); 9] = [
        (Self::Generic, 0),
        (Self::Startup, 1),
        (Self::Logical, 256),
        (Self::PeUnpacker, 257),
        (Self::Pdf, 258),
        (Self::PeAll, 259),
        (Self::Preclass, 260),
        (Self::ElfUnpacker, 261),
        (Self::MachOUnpacker, 262),
    ];

    /// The kind with this number in a program's header.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::NUMBERS.iter().find(|(_, known)| *known == number).map(|(kind, _)| *kind)
    }

    /// Its number in a program's header.
    pub fn number(self) -> u32 {
        Self::NUMBERS.iter().find(|(known, _)| *known == self).map_or(0, |(_, number)| *number)
    }
}

/// A program as its file says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// What makes it run.
    pub kind: Kind,
    /// Its types; the first is number [`FIRST_TYPE`].
    pub types: Vec<Type>,
    /// Functions of the host that it calls.
    pub imports: Vec<Import>,
    /// Its constants.
    pub globals: Vec<Global>,
    /// Its functions; it begins with the first.
    pub functions: Vec<DraftFunction>,
}

/// A type of a program, made of the numbers of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// A function: what it returns, then its parameters.
    Function(Vec<u32>),
    /// Fields without space between them.
    Packed(Vec<u32>),
    /// Fields, each aligned to its size.
    Struct(Vec<u32>),
    /// So many of another type.
    Array {
        /// How many.
        count: u32,
        /// Of which type.
        element: u32,
    },
    /// A pointer to another type.
    Pointer(u32),
}

/// A function of the host that a program calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its number, counted from 1.
    pub number: u32,
    /// The program's type of it.
    pub prototype: u32,
    /// Its name.
    pub name: String,
}

/// A constant of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Global {
    /// Its type.
    pub global_type: u32,
    /// Its integers one after another; a pointer is two, an offset and the number of a global.
    pub parts: Vec<u64>,
}

/// A function of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftFunction {
    /// How many of the locals are its parameters.
    pub parameters: u32,
    /// The type that it returns; 0 is nothing.
    pub returns: u32,
    /// Its values, which its instructions name by number.
    pub locals: Vec<Local>,
    /// Its instructions in blocks. Each block ends with the only one of its instructions that may go elsewhere.
    pub blocks: Vec<Vec<DraftInstruction>>,
}

/// A value of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local {
    /// Its type.
    pub value_type: u32,
    /// Whether the compiler gave it memory of its own.
    pub stored: bool,
}

/// An instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftInstruction {
    /// What it does: a number that [`shape`] knows.
    pub opcode: u8,
    /// The type of its result; 0 is none.
    pub result: u32,
    /// The value that takes the result.
    pub target: u32,
    /// What it is done with, in the order of its shape.
    pub arguments: Vec<Argument>,
}

/// What an instruction is done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// A value of the function.
    Value(u32),
    /// A constant and its size in bytes.
    Constant(u64, u8),
    /// A global of the program.
    Global(u32),
    /// A type.
    Type(u32),
    /// A block of the function.
    Block(u32),
    /// A function, counted from 1: of the host, or of the program.
    Function(u32),
}

/// What an argument of an instruction must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// A value, constant or global.
    Operand,
    /// A type.
    Type,
    /// A block.
    Block,
    /// A function.
    Function,
}

/// What the arguments of an instruction must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Those that it always has.
    pub slots: &'static [Slot],
    /// Whether a number of operands follows; that number stands before all arguments.
    pub list: bool,
}

/// The shape of an instruction; none if there is no such instruction.
pub fn shape(opcode: u8) -> Option<Shape> {
    use Slot::{Block, Function, Operand, Type};
    let slots: &[Slot] = match opcode {
        1..=13 | 34 | 38 | 49 => &[Operand, Operand],
        14..=16 | 39 | 46..=48 | 50 => &[Operand],
        17 => &[Operand, Block, Block],
        18 => &[Block],
        19 => &[Type, Operand],
        20 | 44 | 45 => &[],
        21..=30 | 35 | 36 => &[Type, Operand, Operand],
        31 | 40..=43 => &[Operand, Operand, Operand],
        32 | 33 => &[Function],
        37 => &[Type, Operand],
        _ => return None,
    };
    Some(Shape { slots, list: matches!(opcode, 32 | 33 | 37) })
}

/// Whether an instruction ends a block and stands nowhere else. Besides these only the one that aborts may end one.
pub fn is_terminator(opcode: u8) -> bool {
    matches!(opcode, 17..=20)
}
