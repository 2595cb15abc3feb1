//! The lines of a program behind its header.

use candor_detect::bytecode::{
    Argument, Draft, DraftFunction, DraftInstruction, FIRST_TYPE, Global, Import, Local, Slot, Type,
    is_terminator, shape,
};

use super::Digits;

/// What ends the instructions of a block, before the last of them.
const LAST: u8 = b'T';
/// What ends the last block of a function.
const END: u8 = b'E';

/// Reads a line into the draft.
pub(super) fn line(line: &str, draft: &mut Draft) -> Result<(), String> {
    let Some(letter) = line.bytes().next() else { return Ok(()) };
    let mut digits = Digits::new(line.get(1..).unwrap_or_default());
    match letter {
        b'T' => types(&mut digits, draft),
        b'E' => imports(&mut digits, draft),
        b'G' => globals(&mut digits, draft),
        b'A' => function(&mut digits, draft),
        b'B' => block(&mut digits, draft),
        b'D' => Ok(()),
        other => Err(format!("lines of kind {:?} are unknown", char::from(other))),
    }
}

fn types(digits: &mut Digits<'_>, draft: &mut Draft) -> Result<(), String> {
    let first = u32::from(digits.byte()?);
    if first != FIRST_TYPE || !draft.types.is_empty() {
        return Err(format!("types begin with number {first}, expected {FIRST_TYPE} once"));
    }
    while !digits.is_empty() {
        let item = match digits.digit()? {
            1 => Type::Function(numbers(digits)?),
            2 => Type::Packed(numbers(digits)?),
            3 => Type::Struct(numbers(digits)?),
            4 => Type::Array { count: digits.small()?, element: digits.small()? },
            5 => Type::Pointer(digits.small()?),
            other => {
                return Err(format!(
                    "type {}: kind {other} is unknown",
                    super::type_number(draft.types.len())
                ));
            }
        };
        draft.types.push(item);
    }
    Ok(())
}

/// Numbers with their count before them.
fn numbers(digits: &mut Digits<'_>) -> Result<Vec<u32>, String> {
    let count = digits.small()?;
    let mut numbers = Vec::new();
    for _ in 0..count {
        numbers.push(digits.small()?);
    }
    Ok(numbers)
}

fn imports(digits: &mut Digits<'_>, draft: &mut Draft) -> Result<(), String> {
    let _highest = digits.small()?;
    let count = digits.small()?;
    for _ in 0..count {
        let (number, prototype) = (digits.small()?, digits.small()?);
        draft.imports.push(Import { number, prototype, name: digits.text()? });
    }
    ended(digits)
}

fn globals(digits: &mut Digits<'_>, draft: &mut Draft) -> Result<(), String> {
    let _highest = digits.small()?;
    let count = digits.small()?;
    for _ in 0..count {
        let global_type = digits.small()?;
        let mut parts = Vec::new();
        while digits.at_constant() {
            parts.push(digits.constant()?);
        }
        digits.expect(b'`')?;
        draft.globals.push(Global { global_type, parts });
    }
    ended(digits)
}

fn function(digits: &mut Digits<'_>, draft: &mut Draft) -> Result<(), String> {
    let parameters = u32::from(digits.digit()?);
    let returns = digits.small()?;
    digits.expect(b'L')?;
    let count = digits.small()?.saturating_add(parameters);
    let mut locals = Vec::new();
    for _ in 0..count {
        locals.push(Local { value_type: digits.small()?, stored: digits.digit()? != 0 });
    }
    digits.expect(b'F')?;
    let (_instructions, _blocks) = (digits.small()?, digits.small()?);
    ended(digits)?;
    draft.functions.push(DraftFunction { parameters, returns, locals, blocks: Vec::new() });
    Ok(())
}

fn block(digits: &mut Digits<'_>, draft: &mut Draft) -> Result<(), String> {
    let function = draft.functions.last_mut().ok_or("a block without a function")?;
    let mut instructions = Vec::new();
    while digits.peek() != Some(LAST) {
        let (result, target) = (digits.small()?, digits.small()?);
        let instruction = instruction(digits, result, target)?;
        if is_terminator(instruction.opcode) {
            return Err("a block goes elsewhere before its end".to_owned());
        }
        instructions.push(instruction);
    }
    digits.expect(LAST)?;
    instructions.push(instruction(digits, 0, 0)?);
    function.blocks.push(instructions);
    if digits.peek() == Some(END) {
        digits.expect(END)?;
    }
    ended(digits)
}

fn instruction(digits: &mut Digits<'_>, result: u32, target: u32) -> Result<DraftInstruction, String> {
    let opcode = digits.byte()?;
    let shape = shape(opcode).ok_or_else(|| format!("instruction {opcode} is unknown"))?;
    let more = if shape.list { digits.digit()? } else { 0 };
    let mut arguments = Vec::new();
    let more = std::iter::repeat_n(Slot::Operand, usize::from(more));
    for slot in shape.slots.iter().copied().chain(more) {
        arguments.push(match slot {
            Slot::Operand => operand(digits)?,
            Slot::Type => Argument::Type(digits.small()?),
            Slot::Block => Argument::Block(digits.small()?),
            Slot::Function => Argument::Function(digits.small()?),
        });
    }
    Ok(DraftInstruction { opcode, result, target, arguments })
}

/// A value, or a constant with its size, which is 0 where the constant is the number of a global.
fn operand(digits: &mut Digits<'_>) -> Result<Argument, String> {
    if !digits.at_constant() {
        return Ok(Argument::Value(digits.small()?));
    }
    let value = digits.constant()?;
    match digits.digit()? {
        0 => u32::try_from(value).map(Argument::Global).map_err(|_| format!("there is no global {value}")),
        size => Ok(Argument::Constant(value, size)),
    }
}

fn ended(digits: &Digits<'_>) -> Result<(), String> {
    if digits.is_empty() { Ok(()) } else { Err(format!("{:?} is too much", digits.rest())) }
}
