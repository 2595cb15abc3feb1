//! Verifies a function and lowers it to steps.

use super::super::draft::{Argument, Draft, DraftFunction, DraftInstruction, is_terminator, shape};
use super::types::{Class, Types, bytes};
use super::{Binary, Comparison, Fault, Fill, Function, MAX_INSTRUCTIONS, MAX_PARAMETERS, MAX_VALUES};
use super::{Place, Source, Step, globals};
use crate::bytecode::api;
use crate::bytecode::interpreter::{masked, signed};

/// What an instruction wants of an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    /// An integer of so many bits.
    Integer(u8),
    /// A pointer; what is none gives its address.
    Pointer,
}

/// Lowers a function of the draft.
pub(super) fn function(draft: &Draft, number: usize, types: &Types<'_>) -> Result<Function, Fault> {
    let place = || format!("function {number}");
    let fault = |reason: String| Fault::new(place(), reason);
    let function = draft.functions.get(number).ok_or_else(|| fault("it does not exist".to_owned()))?;
    if function.locals.len() > MAX_VALUES {
        return Err(fault(format!("{} values, at most {MAX_VALUES}", function.locals.len())));
    }
    let count = function.blocks.iter().fold(0_usize, |sum, block| sum.saturating_add(block.len()));
    if count > MAX_INSTRUCTIONS || function.blocks.is_empty() {
        return Err(fault(format!("{count} instructions, expected 1 to {MAX_INSTRUCTIONS}")));
    }
    let parameters = usize::try_from(function.parameters).unwrap_or(usize::MAX);
    if parameters > MAX_PARAMETERS || parameters > function.locals.len() {
        return Err(fault(format!("{parameters} parameters are too many")));
    }
    let mut lowering = Lowering::new(draft, function, types).map_err(fault)?;
    // The first pass finds the values whose address is taken, which the second one puts into memory.
    lowering.steps(&place())?;
    lowering.settle(types).map_err(fault)?;
    let steps = lowering.steps(&place())?;
    let parameters = (0..function.parameters)
        .map(|value| lowering.place(value))
        .collect::<Result<_, _>>()
        .map_err(fault)?;
    Ok(Function { parameters, registers: lowering.registers, objects: lowering.objects, steps })
}

/// Where a value lives, and what it is.
#[derive(Clone, Copy)]
struct Value {
    class: Class,
    value_type: u32,
    addressed: bool,
    home: Place,
}

struct Lowering<'d, 't> {
    draft: &'d Draft,
    function: &'d DraftFunction,
    types: &'t Types<'d>,
    values: Vec<Value>,
    registers: u32,
    objects: Vec<u32>,
    /// The first step of each block.
    blocks: Vec<u32>,
}

impl<'d, 't> Lowering<'d, 't> {
    fn new(draft: &'d Draft, function: &'d DraftFunction, types: &'t Types<'d>) -> Result<Self, String> {
        let mut values = Vec::with_capacity(function.locals.len());
        for (number, local) in function.locals.iter().enumerate() {
            let class = types.class(local.value_type);
            if class == Class::Nothing && local.value_type != 0 {
                return Err(format!(
                    "value {number} is of type {}, which is none of values",
                    local.value_type
                ));
            }
            let addressed = class == Class::Aggregate;
            values.push(Value { class, value_type: local.value_type, addressed, home: Place::Register(0) });
        }
        let mut blocks = Vec::with_capacity(function.blocks.len());
        let mut next = 0_u32;
        for block in &function.blocks {
            blocks.push(next);
            next = next.saturating_add(u32::try_from(block.len()).unwrap_or(u32::MAX));
        }
        let mut lowering = Self { draft, function, types, values, registers: 0, objects: Vec::new(), blocks };
        lowering.settle(types)?;
        Ok(lowering)
    }

    /// Gives each value its home.
    fn settle(&mut self, types: &Types<'_>) -> Result<(), String> {
        self.registers = 0;
        self.objects.clear();
        for value in &mut self.values {
            if value.addressed {
                let object = u32::try_from(self.objects.len()).unwrap_or(u32::MAX);
                self.objects.push(types.size(value.value_type)?);
                let size = match value.class {
                    Class::Integer(bits) => bytes(bits),
                    _ => 8,
                };
                value.home = Place::Object(object, size);
            } else {
                value.home = Place::Register(self.registers);
                self.registers = self.registers.saturating_add(1);
            }
        }
        Ok(())
    }

    fn steps(&mut self, place: &str) -> Result<Vec<Step>, Fault> {
        let mut steps = Vec::new();
        for (number, block) in self.function.blocks.iter().enumerate() {
            let Some((last, body)) = block.split_last() else {
                return Err(Fault::new(format!("{place} block {number}"), "it is empty"));
            };
            // Whatever ends a block must not let the next one begin, and nothing else may go elsewhere.
            if !(is_terminator(last.opcode) || last.opcode == ABORT)
                || body.iter().any(|instruction| is_terminator(instruction.opcode))
            {
                return Err(Fault::new(format!("{place} block {number}"), "its end is not where it belongs"));
            }
            for (position, instruction) in block.iter().enumerate() {
                let step = self.step(instruction).map_err(|reason| {
                    Fault::new(format!("{place} block {number} instruction {position}"), reason)
                })?;
                steps.push(step);
            }
        }
        Ok(steps)
    }

    fn value(&self, number: u32) -> Result<&Value, String> {
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        self.values.get(place).ok_or_else(|| format!("there is no value {number}"))
    }

    /// Where a value takes a result.
    fn place(&self, number: u32) -> Result<Place, String> {
        let value = self.value(number)?;
        match value.class {
            Class::Integer(_) | Class::Pointer => Ok(value.home),
            _ => Err(format!("value {number} cannot take a result")),
        }
    }

    /// Where the result of an instruction goes; its type must be that of the value.
    fn destination(&self, instruction: &DraftInstruction) -> Result<Place, String> {
        let class = self.types.class(instruction.result);
        let value = self.value(instruction.target)?;
        if value.class != class {
            let (target, result) = (instruction.target, instruction.result);
            return Err(format!(
                "value {target} is of type {}, the result of type {result}",
                value.value_type
            ));
        }
        self.place(instruction.target)
    }

    fn source(&mut self, argument: Argument, want: Want) -> Result<Source, String> {
        match (argument, want) {
            (Argument::Constant(value, _), Want::Integer(bits)) => Ok(Source::Constant(masked(value, bits))),
            (Argument::Constant(0, _), Want::Pointer) => Ok(Source::Constant(0)),
            (Argument::Constant(..), Want::Pointer) => Err("a number is used as a pointer".to_owned()),
            (Argument::Global(number), Want::Pointer) => self.global(number),
            (Argument::Global(number), Want::Integer(_)) => {
                Err(format!("global {number} is used as an integer"))
            }
            (Argument::Value(number), want) => self.operand(number, want),
            _ => Err("an argument is no operand".to_owned()),
        }
    }

    /// A global as an operand: a pointer is its value, anything else its address.
    fn global(&self, number: u32) -> Result<Source, String> {
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        let globals = &self.draft.globals;
        let known = globals.get(place).ok_or_else(|| format!("there is no global {number}"))?;
        let value = match (self.types.class(known.global_type), known.parts.as_slice()) {
            (Class::Pointer, [0]) => 0,
            (Class::Pointer, [offset, target]) => globals::global(*target, *offset, globals.len())?,
            (Class::Pointer, _) => return Err(format!("global {number} is no pointer")),
            _ => globals::global(u64::from(number), 0, globals.len())?,
        };
        Ok(Source::Constant(value))
    }

    fn operand(&mut self, number: u32, want: Want) -> Result<Source, String> {
        let value = *self.value(number)?;
        match (value.class, want) {
            (Class::Integer(bits), Want::Integer(wanted)) if bits != wanted => {
                return Err(format!("value {number} has {bits} bits, expected {wanted}"));
            }
            (Class::Integer(_), Want::Integer(_)) | (Class::Pointer, Want::Pointer) => {}
            (Class::Integer(_) | Class::Aggregate, Want::Pointer) => {
                let place = usize::try_from(number).unwrap_or(usize::MAX);
                if let Some(value) = self.values.get_mut(place) {
                    value.addressed = true;
                }
                return Ok(match value.home {
                    Place::Object(object, _) => Source::Address(object),
                    // In the first pass only.
                    Place::Register(_) => Source::Constant(0),
                });
            }
            _ => return Err(format!("value {number} cannot be used here")),
        }
        Ok(match value.home {
            Place::Register(register) => Source::Register(register),
            Place::Object(object, size) => Source::Object(object, size),
        })
    }

    /// What is wanted of an operand of a type.
    fn want(&self, number: u32) -> Result<Want, String> {
        match self.types.class(number) {
            Class::Integer(bits) => Ok(Want::Integer(bits)),
            Class::Pointer => Ok(Want::Pointer),
            _ => Err(format!("there are no operands of type {number}")),
        }
    }

    fn bits(&self, number: u32) -> Result<u8, String> {
        match self.types.class(number) {
            Class::Integer(bits) => Ok(bits),
            _ => Err(format!("type {number} is no integer")),
        }
    }

    /// Bytes of an integer or pointer in memory.
    fn width(&self, number: u32) -> Result<(Want, u8), String> {
        let want = self.want(number)?;
        Ok((want, if let Want::Integer(bits) = want { bytes(bits) } else { 8 }))
    }

    fn block(&self, argument: Option<&Argument>) -> Result<u32, String> {
        let Some(Argument::Block(number)) = argument else {
            return Err("a block is missing".to_owned());
        };
        let place = usize::try_from(*number).unwrap_or(usize::MAX);
        self.blocks.get(place).copied().ok_or_else(|| format!("there is no block {number}"))
    }

    fn step(&mut self, instruction: &DraftInstruction) -> Result<Step, String> {
        let shape = shape(instruction.opcode)
            .ok_or_else(|| format!("there is no instruction {}", instruction.opcode))?;
        let arguments = instruction.arguments.as_slice();
        if arguments.len() != shape.slots.len() && !(shape.list && arguments.len() > shape.slots.len()) {
            return Err(format!("it has {} arguments", arguments.len()));
        }
        match (instruction.opcode, arguments) {
            (opcode @ 1..=13, [left, right]) => {
                let bits = self.bits(instruction.result)?;
                let (left, right) = self.pair(*left, *right, Want::Integer(bits))?;
                Ok(Step::Binary {
                    operation: binary(opcode),
                    bits,
                    left,
                    right,
                    into: self.destination(instruction)?,
                })
            }
            (opcode @ 14..=16, [source]) => self.resize(instruction, opcode, *source),
            (17, [condition, ..]) => Ok(Step::Branch {
                condition: self.source(*condition, Want::Integer(1))?,
                yes: self.block(arguments.get(1))?,
                no: self.block(arguments.get(2))?,
            }),
            (18, [target]) => Ok(Step::Jump(self.block(Some(target))?)),
            (19, [Argument::Type(number), value]) => {
                if *number != self.function.returns {
                    return Err(format!("it returns type {number}, the function {}", self.function.returns));
                }
                let want = self.want(*number)?;
                Ok(Step::Return(Some(self.source(*value, want)?)))
            }
            (20, _) if self.function.returns == 0 => Ok(Step::Return(None)),
            (20, _) => Err("it returns nothing, the function something".to_owned()),
            (opcode @ 21..=30, [Argument::Type(number), left, right]) => {
                let (want, _) = self.width(*number)?;
                let bits = if let Want::Integer(bits) = want { bits } else { 64 };
                let (left, right) = self.pair(*left, *right, want)?;
                self.must_be(instruction, Class::Integer(1))?;
                let comparison = comparison(opcode);
                Ok(Step::Compare { comparison, bits, left, right, into: self.destination(instruction)? })
            }
            (31, [condition, yes, no]) => {
                let want = self.want(instruction.result)?;
                let condition = self.source(*condition, Want::Integer(1))?;
                let (yes, no) = self.pair(*yes, *no, want)?;
                Ok(Step::Select { condition, yes, no, into: self.destination(instruction)? })
            }
            (32, [Argument::Function(number), operands @ ..]) => self.call(instruction, *number, operands),
            (33, [Argument::Function(number), operands @ ..]) => self.api(instruction, *number, operands),
            (34, [source, Argument::Value(target)]) => {
                let want = self.want(self.value(*target)?.value_type)?;
                Ok(Step::Copy { source: self.source(*source, want)?, into: self.place(*target)? })
            }
            (35..=37, [Argument::Type(number), base, indices @ ..]) => {
                self.offset(instruction, *number, *base, indices)
            }
            (38, [value, pointer]) => {
                let (want, bytes) = self.stored(instruction, *value)?;
                let value = self.source(*value, want)?;
                Ok(Step::Store { bytes, value, pointer: self.source(*pointer, Want::Pointer)? })
            }
            (39, [pointer]) => {
                let (_, bytes) = self.width(instruction.result)?;
                let pointer = self.source(*pointer, Want::Pointer)?;
                Ok(Step::Load { bytes, pointer, into: self.destination(instruction)? })
            }
            (opcode @ 40..=43, [target, with, size]) => {
                self.memory(instruction, opcode, *target, *with, *size)
            }
            (44, _) => Ok(Step::Copy { source: Source::Constant(0), into: self.destination(instruction)? }),
            (ABORT, _) => Ok(Step::Abort),
            (opcode @ 46..=48, [source]) => {
                let bits = [16, 32, 64].get(usize::from(opcode.saturating_sub(46))).copied().unwrap_or(64);
                self.must_be(instruction, Class::Integer(bits))?;
                let source = self.source(*source, Want::Integer(bits))?;
                Ok(Step::Swap { bytes: bytes(bits), source, into: self.destination(instruction)? })
            }
            (49, [left, right]) => {
                self.must_be(instruction, Class::Integer(32))?;
                let (left, right) = self.pair(*left, *right, Want::Pointer)?;
                Ok(Step::Difference { left, right, into: self.destination(instruction)? })
            }
            (50, [source]) => {
                self.must_be(instruction, Class::Integer(64))?;
                Ok(Step::Copy {
                    source: self.source(*source, Want::Pointer)?,
                    into: self.destination(instruction)?,
                })
            }
            _ => Err("its arguments are not of the right kinds".to_owned()),
        }
    }

    fn pair(&mut self, left: Argument, right: Argument, want: Want) -> Result<(Source, Source), String> {
        Ok((self.source(left, want)?, self.source(right, want)?))
    }

    fn must_be(&self, instruction: &DraftInstruction, class: Class) -> Result<(), String> {
        if self.types.class(instruction.result) == class {
            Ok(())
        } else {
            Err(format!("its result cannot be of type {}", instruction.result))
        }
    }

    fn resize(
        &mut self,
        instruction: &DraftInstruction,
        opcode: u8,
        source: Argument,
    ) -> Result<Step, String> {
        let to = self.bits(instruction.result)?;
        let from = match source {
            Argument::Value(number) => self.bits(self.value(number)?.value_type)?,
            Argument::Constant(_, size) => size.min(8).saturating_mul(8),
            _ => return Err("its operand is no integer".to_owned()),
        };
        if (opcode == TRUNCATE) == (from < to) && from != to {
            return Err(format!("it makes {to} bits of {from}"));
        }
        let source = self.source(source, Want::Integer(from))?;
        let signed = opcode == SIGN_EXTEND;
        Ok(Step::Resize { signed, from, to, source, into: self.destination(instruction)? })
    }

    /// The type of what a store writes: that of the value, or the width of the constant.
    fn stored(&self, instruction: &DraftInstruction, value: Argument) -> Result<(Want, u8), String> {
        match value {
            Argument::Value(number) => self.width(self.value(number)?.value_type),
            Argument::Constant(..) if instruction.result != 0 => self.width(instruction.result),
            Argument::Constant(_, size) => Ok((Want::Integer(64), size.clamp(1, 8).next_power_of_two())),
            _ => Ok((Want::Pointer, 8)),
        }
    }

    fn operands(&mut self, operands: &[Argument], wants: &[Want]) -> Result<Box<[Source]>, String> {
        if operands.len() != wants.len() {
            return Err(format!("it has {} operands, the function {}", operands.len(), wants.len()));
        }
        operands.iter().zip(wants).map(|(operand, want)| self.source(*operand, *want)).collect()
    }

    /// Where the result of a call goes.
    fn result(&self, instruction: &DraftInstruction, returns: u32) -> Result<Option<Place>, String> {
        if returns == 0 {
            return Ok(None);
        }
        if self.types.class(instruction.result) != self.types.class(returns) {
            return Err(format!("its result is of type {}, the function's {returns}", instruction.result));
        }
        self.destination(instruction).map(Some)
    }

    fn call(
        &mut self,
        instruction: &DraftInstruction,
        number: u32,
        operands: &[Argument],
    ) -> Result<Step, String> {
        let function = number.checked_sub(1).ok_or("there is no function 0")?;
        let place = usize::try_from(function).unwrap_or(usize::MAX);
        let called =
            self.draft.functions.get(place).ok_or_else(|| format!("there is no function {number}"))?;
        let parameters = called.locals.iter().take(usize::try_from(called.parameters).unwrap_or(usize::MAX));
        let wants: Vec<Want> =
            parameters.map(|local| self.want(local.value_type)).collect::<Result<_, _>>()?;
        let into = self.result(instruction, called.returns)?;
        Ok(Step::Call { function, arguments: self.operands(operands, &wants)?, into })
    }

    fn api(
        &mut self,
        instruction: &DraftInstruction,
        number: u32,
        operands: &[Argument],
    ) -> Result<Step, String> {
        let import = self.draft.imports.iter().find(|import| import.number == number);
        let import = import.ok_or_else(|| format!("function {number} is not imported"))?;
        let function = api::function(number).ok_or_else(|| format!("there is no function {number}"))?;
        let (parameters, returns) = self.types.function(import.prototype)?;
        let wants: Vec<Want> =
            parameters.iter().map(|number| self.want(*number)).collect::<Result<_, _>>()?;
        let into = self.result(instruction, returns)?;
        Ok(Step::Api { function, arguments: self.operands(operands, &wants)?, into })
    }

    /// Pointer arithmetic. One instruction moves by elements of what the type points to, one takes a member
    /// of that, and one does both.
    fn offset(
        &mut self,
        instruction: &DraftInstruction,
        number: u32,
        base: Argument,
        indices: &[Argument],
    ) -> Result<Step, String> {
        self.must_be(instruction, Class::Pointer)?;
        let mut current = self.types.target(number)?;
        let base = self.source(base, Want::Pointer)?;
        let mut offset = 0_u32;
        let mut terms = Vec::new();
        let mut indices = indices.iter().copied();
        if instruction.opcode != MEMBER {
            let index = indices.next().ok_or("it has no index")?;
            let stride = self.types.size(current)?;
            self.term(index, stride, &mut offset, &mut terms)?;
        }
        for index in indices {
            if let Some((_, element)) = self.types.elements(current) {
                let stride = self.types.size(element)?;
                self.term(index, stride, &mut offset, &mut terms)?;
                current = element;
                continue;
            }
            let Argument::Constant(field, _) = index else {
                return Err("the number of a field is no constant".to_owned());
            };
            let place = usize::try_from(field).unwrap_or(usize::MAX);
            let found = self.types.fields(current).nth(place);
            let (start, member) = found.ok_or_else(|| format!("type {current} has no field {field}"))??;
            offset = offset.wrapping_add(start);
            current = member;
        }
        Ok(Step::Offset { base, offset, terms: terms.into(), into: self.destination(instruction)? })
    }

    fn term(
        &mut self,
        index: Argument,
        stride: u32,
        offset: &mut u32,
        terms: &mut Vec<(Source, u8, u32)>,
    ) -> Result<(), String> {
        match index {
            Argument::Constant(value, size) => {
                let value = signed(value, size.clamp(1, 8).saturating_mul(8));
                let moved = value.wrapping_mul(i64::from(stride)).to_le_bytes();
                let low = moved.first_chunk().copied().map_or(0, u32::from_le_bytes);
                *offset = offset.wrapping_add(low);
            }
            Argument::Value(number) => {
                let bits = self.bits(self.value(number)?.value_type)?;
                terms.push((self.source(index, Want::Integer(bits))?, bits, stride));
            }
            _ => return Err("an index is no integer".to_owned()),
        }
        Ok(())
    }

    fn memory(
        &mut self,
        instruction: &DraftInstruction,
        opcode: u8,
        target: Argument,
        with: Argument,
        size: Argument,
    ) -> Result<Step, String> {
        let target = self.source(target, Want::Pointer)?;
        let size_bits = self.integer(size, 32)?;
        let size = self.source(size, Want::Integer(size_bits))?;
        if opcode == SET {
            let bits = self.integer(with, 8)?;
            let with = self.source(with, Want::Integer(bits))?;
            return Ok(Step::Fill { operation: Fill::Set, target, with, size });
        }
        let with = self.source(with, Want::Pointer)?;
        if opcode == COMPARE {
            self.must_be(instruction, Class::Integer(32))?;
            return Ok(Step::CompareMemory {
                left: target,
                right: with,
                size,
                into: self.destination(instruction)?,
            });
        }
        Ok(Step::Fill { operation: Fill::Copy, target, with, size })
    }

    /// The width of an integer operand of any width; constants have the one given.
    fn integer(&self, argument: Argument, constant: u8) -> Result<u8, String> {
        match argument {
            Argument::Value(number) => self.bits(self.value(number)?.value_type),
            _ => Ok(constant),
        }
    }
}

const TRUNCATE: u8 = 14;
const SIGN_EXTEND: u8 = 15;
const MEMBER: u8 = 36;
const SET: u8 = 40;
const COMPARE: u8 = 43;
const ABORT: u8 = 45;

fn binary(opcode: u8) -> Binary {
    match opcode {
        1 => Binary::Add,
        2 => Binary::Sub,
        3 => Binary::Mul,
        4 => Binary::UnsignedDiv,
        5 => Binary::SignedDiv,
        6 => Binary::UnsignedRem,
        7 => Binary::SignedRem,
        8 => Binary::ShiftLeft,
        9 => Binary::ShiftRight,
        10 => Binary::SignedShiftRight,
        11 => Binary::And,
        12 => Binary::Or,
        _ => Binary::Xor,
    }
}

fn comparison(opcode: u8) -> Comparison {
    match opcode {
        21 => Comparison::Equal,
        22 => Comparison::NotEqual,
        23 => Comparison::Above,
        24 => Comparison::AboveOrEqual,
        25 => Comparison::Below,
        26 => Comparison::BelowOrEqual,
        27 => Comparison::Greater,
        28 => Comparison::GreaterOrEqual,
        29 => Comparison::LessOrEqual,
        _ => Comparison::Less,
    }
}
