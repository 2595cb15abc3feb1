iex 'a' + "b
[Convert]::FromBase64String('AAAA