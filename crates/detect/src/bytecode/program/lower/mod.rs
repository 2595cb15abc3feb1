//! Verifies a function and lowers it to steps.

mod memory;
mod operands;

use super::types::{Class, Types, bytes};
use super::{Binary, Comparison, Fault, Function, MAX_INSTRUCTIONS, MAX_PARAMETERS, MAX_VALUES};
use super::{Place, Source, Step};
use crate::bytecode::api;
use crate::bytecode::draft::{Argument, Draft, DraftFunction, DraftInstruction, is_terminator, shape};

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
}

const TRUNCATE: u8 = 14;
const SIGN_EXTEND: u8 = 15;
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
