import ExpCLI

ExpMain.run()
