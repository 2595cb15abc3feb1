<?php
$f = 'base'.'64_'."\x64ecode";
print(gzinflate(base64_decode('S03OyFdQT1QoSa0oUSjJSCxRKE8sVsjITElJzVPIzFMoyChQt06lmiIA')));
$x = str_rot13('flfgrz'); $y = chr(115).chr(121).chr(115); $z = strrev('metsys'); print(hex2bin('73797374656d282761207465787420696e2068657861646563696d616c206469676974732729'));
