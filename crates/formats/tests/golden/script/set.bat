@echo off
set a=pow
set "b=xxershell"
c^al^l %a%%b:~2% -Command %comspec:~-7,3%
set q=a?b?c
!q:?=!
