"""The processes of LaD, one module each: pure functions of scalars or arrays in SI units."""
