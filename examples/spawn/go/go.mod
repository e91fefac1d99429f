module example.com/wfi-emulator-spawn

go 1.21
