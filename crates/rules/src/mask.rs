/// What each byte is combined with.
const MASK: u8 = 0xa5;
