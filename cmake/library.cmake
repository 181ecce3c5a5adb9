# libanatome, shared and static, its pkg-config file, the command, the default weights.
