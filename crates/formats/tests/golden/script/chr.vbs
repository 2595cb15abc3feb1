Dim s
s = Chr(72) & Chr(&H65) & ChrW(121)
Execute s & StrReverse("dlrow") & Replace("aXb", "X", "-") _
 & Mid("abcdef", 2, 3)
x = "po" & "wer"
x = x & "shell"
CreateObject("WScr" & "ipt.Shell").Run x
