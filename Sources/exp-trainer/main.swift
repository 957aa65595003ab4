import Glibc
import Trainer

exit(TrainerMain.run(arguments: Array(CommandLine.arguments.dropFirst())))
