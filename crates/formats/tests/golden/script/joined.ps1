$a = 'Inv' + 'oke-'
$b = "{1}{0}" -f 'ession','Expr'
& ($a + $b) ('wri'+'te-'+'host')
i`e`X ([char]72+[char]101+[char]0x79) ; -join ('o','l','l','e','h')
"$($x)x".Replace('x','y')
('hXllo').replace('X','e') ; ('dlrow'[-1..-5] -join '') ; [char[]](72,105) -join ''
${e`nv} = 1; 'a-b-c' -replace '-','' 
