rule AttacksTheVendor { strings: $a = "KasperskyLab\\protected\\AVP7" $b = "klif.sys" condition: all of them }
