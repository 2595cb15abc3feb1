//! Small programs, put together here, show what the machine and the functions of the host do.

mod assembler;

mod arithmetic;
mod calls;
mod damage;
mod extraction;
mod faults;
mod files;
mod formats;
mod hooks;
mod limits;
mod memory;
mod tables;
