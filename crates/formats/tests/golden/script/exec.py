import base64, zlib
exec(zlib.decompress(base64.b64decode('eJwrKMrMK9FQT1QoSa0oUSjJSCxRKE8sVsjITElJzVPIzFMoqCzJyM9T1wQANgEOlA==')))
x = chr(104) + 'e' + '\x79'
