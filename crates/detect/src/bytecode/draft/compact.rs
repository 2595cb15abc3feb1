//! The compact form of a draft.

use super::{Argument, Draft, DraftFunction, DraftInstruction, Global, Import, Kind, Local, Slot, Type};
use super::{is_terminator, shape};

/// Version of the form, the first byte.
const VERSION: u8 = 1;

impl Draft {
    /// The compact form. Instructions that [`shape`] does not know are left out: a draft with one is no program.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer(vec![VERSION]);
        writer.number(u64::from(self.kind.number()));
        writer.list(&self.types, Writer::a_type);
        writer.list(&self.imports, |writer, import| {
            writer.number(u64::from(import.number));
            writer.number(u64::from(import.prototype));
            writer.list(import.name.as_bytes(), |writer, byte| writer.0.push(*byte));
        });
        writer.list(&self.globals, |writer, global| {
            writer.number(u64::from(global.global_type));
            writer.list(&global.parts, |writer, part| writer.number(*part));
        });
        writer.list(&self.functions, |writer, function| {
            writer.number(u64::from(function.parameters));
            writer.number(u64::from(function.returns));
            writer.list(&function.locals, |writer, local| {
                writer.number(u64::from(local.value_type) << 1 | u64::from(local.stored));
            });
            writer.list(&function.blocks, |writer, block| writer.list(block, Writer::instruction));
        });
        writer.0
    }

    /// Reads the compact form; nothing if it is damaged.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        if reader.byte()? != VERSION {
            return None;
        }
        let draft = Self {
            kind: Kind::from_number(reader.small()?)?,
            types: reader.list(Reader::a_type)?,
            imports: reader.list(|reader| {
                Some(Import {
                    number: reader.small()?,
                    prototype: reader.small()?,
                    name: String::from_utf8(reader.list(Reader::byte)?).ok()?,
                })
            })?,
            globals: reader.list(|reader| {
                Some(Global { global_type: reader.small()?, parts: reader.list(Reader::number)? })
            })?,
            functions: reader.list(|reader| {
                Some(DraftFunction {
                    parameters: reader.small()?,
                    returns: reader.small()?,
                    locals: reader.list(|reader| {
                        let both = reader.number()?;
                        Some(Local { value_type: u32::try_from(both >> 1).ok()?, stored: both & 1 == 1 })
                    })?,
                    blocks: reader.list(|reader| reader.list(Reader::instruction))?,
                })
            })?,
        };
        reader.0.is_empty().then_some(draft)
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.0.push(number.to_le_bytes()[0]);
    }

    fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.number(items.len() as u64);
        for item in items {
            write(self, item);
        }
    }

    fn a_type(&mut self, item: &Type) {
        let (kind, members) = match item {
            Type::Function(members) => (1, members.as_slice()),
            Type::Packed(members) => (2, members.as_slice()),
            Type::Struct(members) => (3, members.as_slice()),
            Type::Array { count, element } => (4, &[*count, *element][..]),
            Type::Pointer(target) => (5, &[*target][..]),
        };
        self.0.push(kind);
        self.list(members, |writer, member| writer.number(u64::from(*member)));
    }

    fn instruction(&mut self, instruction: &DraftInstruction) {
        self.0.push(instruction.opcode);
        if !is_terminator(instruction.opcode) {
            self.number(u64::from(instruction.result));
            self.number(u64::from(instruction.target));
        }
        self.list(&instruction.arguments, |writer, argument| match argument {
            Argument::Value(number) => {
                writer.0.push(0x10);
                writer.number(u64::from(*number));
            }
            Argument::Global(number) => {
                writer.0.push(0);
                writer.number(u64::from(*number));
            }
            Argument::Constant(value, bytes) => {
                writer.0.push((*bytes).clamp(1, 15));
                writer.number(*value);
            }
            Argument::Type(number) | Argument::Block(number) | Argument::Function(number) => {
                writer.number(u64::from(*number));
            }
        });
    }
}

struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    /// A list. Each item is at least a byte, so that a false length takes no more memory than there is content.
    fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = usize::try_from(self.number()?).ok()?;
        if count > self.0.len() {
            return None;
        }
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(read(self)?);
        }
        Some(items)
    }

    fn a_type(&mut self) -> Option<Type> {
        let kind = self.byte()?;
        let members = self.list(Self::small)?;
        Some(match (kind, members.as_slice()) {
            (1, _) => Type::Function(members),
            (2, _) => Type::Packed(members),
            (3, _) => Type::Struct(members),
            (4, [count, element]) => Type::Array { count: *count, element: *element },
            (5, [target]) => Type::Pointer(*target),
            _ => return None,
        })
    }

    fn instruction(&mut self) -> Option<DraftInstruction> {
        let opcode = self.byte()?;
        let shape = shape(opcode)?;
        let (result, target) = if is_terminator(opcode) { (0, 0) } else { (self.small()?, self.small()?) };
        let mut slots = shape.slots.iter();
        let arguments = self.list(|reader| {
            Some(match slots.next().unwrap_or(&Slot::Operand) {
                Slot::Type => Argument::Type(reader.small()?),
                Slot::Block => Argument::Block(reader.small()?),
                Slot::Function => Argument::Function(reader.small()?),
                Slot::Operand => match reader.byte()? {
                    0 => Argument::Global(reader.small()?),
                    0x10 => Argument::Value(reader.small()?),
                    bytes @ 1..=15 => Argument::Constant(reader.number()?, bytes),
                    _ => return None,
                },
            })
        })?;
        Some(DraftInstruction { opcode, result, target, arguments })
    }
}
