//! ClamAV's numbers of x86 operations.
//!
//! Source: the enumeration `X86OPS` in the documentation of ClamAV's bytecode API.

use std::collections::HashMap;
use std::sync::LazyLock;

use iced_x86::Mnemonic;

/// The prefix that locks the bus, which counts as an operation.
pub(super) const LOCK: u16 = 98;
/// The prefix that repeats while equal.
pub(super) const REPEAT_EQUAL: u16 = 138;
/// The prefix that repeats while not equal.
pub(super) const REPEAT_NOT_EQUAL: u16 = 139;

/// The operations in the order of their numbers, from 1 on. A dash is a number that was not met.
const NAMES: &str = "\
    AAA AAD AAM AAS ADD ADC AND ARPL BOUND BSF BSR BSWAP BT BTC BTR BTS CALL CDQ CWD CWDE CBW CLC CLD \
    CLI CLTS CMC CMOVO CMOVNO CMOVC CMOVNC CMOVZ CMOVNZ CMOVBE CMOVA CMOVS CMOVNS CMOVP CMOVNP CMOVL \
    CMOVGE CMOVLE CMOVG CMP CMPSD CMPSW CMPSB CMPXCHG CMPXCHG8B CPUID DAA DAS DEC DIV ENTER FWAIT HLT \
    IDIV IMUL INC IN INSD INSW INSB INT INT3 INTO INVD INVLPG IRET JO JNO JC JNC JZ JNZ JBE JA JS JNS \
    JP JNP JL JGE JLE JG JMP LAHF LAR LDS LES LFS LGS LEA LEAVE LGDT LIDT LLDT LOCK LODSD LODSW LODSB \
    LOOP LOOPE LOOPNE JECXZ LSL LSS LTR MOV MOVSD MOVSW MOVSB MOVSX MOVZX MUL NEG NOP NOT OR OUT OUTSD \
    OUTSW OUTSB PUSH PUSHAD PUSHA PUSHFD PUSHF POP POPAD POPFD POPF RCL RCR RDMSR RDPMC RDTSC REPE \
    REPNE RETF RETN ROL ROR RSM SAHF SAR SBB SCASD SCASW SCASB SETO SETNO SETC SETNC SETZ SETNZ SETBE \
    SETA SETS SETNS SETP SETNP SETL SETGE SETLE SETG SGDT SIDT SHL SHLD SHR SHRD SLDT STOSD STOSW STOSB \
    STR STC STD STI SUB SYSCALL SYSENTER SYSEXIT SYSRET TEST UD2 VERR VERRW WBINVD WRMSR XADD XCHG XLAT \
    XOR FPU - - - - F2XM1 FABS FADD FADDP FBLD FBSTP FCHS FCLEX FCMOVB FCMOVBE FCMOVE FCMOVNB FCMOVNBE \
    FCMOVNE FCMOVNU FCMOVU FCOM FCOMI FCOMIP FCOMP FCOMPP FCOS FDECSTP FDIV FDIVP FDIVR FDIVRP FFREE \
    FIADD FICOM FICOMP FIDIV FIDIVR FILD FIMUL FINCSTP FINIT FIST FISTP FISTTP FISUB FISUBR FLD FLD1 \
    FLDCW FLDENV FLDL2E FLDL2T FLDLG2 FLDLN2 FLDPI FLDZ FMUL FMULP FNOP FPATAN FPREM FPREM1 FPTAN \
    FRNDINT FRSTOR FSCALE FSIN FSINCOS FSQRT FSAVE FST FSTCW FSTENV FSTP FSTSW FSUB FSUBP FSUBR FSUBRP \
    FTST FUCOM FUCOMI FUCOMIP FUCOMP FUCOMPP FXAM FXCH FXTRACT FYL2X FYL2XP1";

/// What the decoder calls operations that have another name there.
const OTHERS: [(&str, &str); 32] = [
    ("JB", "JC"),
    ("JAE", "JNC"),
    ("JE", "JZ"),
    ("JNE", "JNZ"),
    ("CMOVB", "CMOVC"),
    ("CMOVAE", "CMOVNC"),
    ("CMOVE", "CMOVZ"),
    ("CMOVNE", "CMOVNZ"),
    ("SETB", "SETC"),
    ("SETAE", "SETNC"),
    ("SETE", "SETZ"),
    ("SETNE", "SETNZ"),
    ("JCXZ", "JECXZ"),
    ("RET", "RETN"),
    ("WAIT", "FWAIT"),
    ("XLATB", "XLAT"),
    ("SAL", "SHL"),
    ("IRETD", "IRET"),
    // So it is in ClamAV, where this has the number of another.
    ("POPA", "POPFD"),
    ("VERW", "VERRW"),
    ("FNCLEX", "FCLEX"),
    ("FNINIT", "FINIT"),
    ("FNSAVE", "FSAVE"),
    ("FNSTCW", "FSTCW"),
    ("FNSTENV", "FSTENV"),
    ("FNSTSW", "FSTSW"),
    ("FSTPNCE", "FSTP"),
    ("FFREEP", "FFREE"),
    ("UD0", "UD2"),
    ("UD1", "UD2"),
    ("CMOVNA", "CMOVBE"),
    ("INT1", "INT"),
];

/// The number of an operation; none if ClamAV has none.
pub(super) fn number(mnemonic: Mnemonic) -> Option<u16> {
    static NUMBERS: LazyLock<HashMap<Mnemonic, u16>> = LazyLock::new(|| {
        let known: HashMap<&str, u16> = NAMES.split_whitespace().zip(1..).collect();
        let others: HashMap<&str, &str> = OTHERS.into_iter().collect();
        Mnemonic::values()
            .filter_map(|mnemonic| {
                let name = format!("{mnemonic:?}").to_ascii_uppercase();
                let name = others.get(name.as_str()).copied().unwrap_or(name.as_str());
                known.get(name).map(|number| (mnemonic, *number))
            })
            .collect()
    });
    NUMBERS.get(&mnemonic).copied()
}
