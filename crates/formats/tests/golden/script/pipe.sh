#!/bin/sh
echo ZWNobyBhIHRleHQgdGhhdCB3YXMgaGlkZGVuIGluIGEgc2NyaXB0Cg== | base64 -d | sh
$'\x63\x75rl' 'htt''p://example.org/'
A=wg; B=et; $A$B "$A"
printf '\143\141\164'
