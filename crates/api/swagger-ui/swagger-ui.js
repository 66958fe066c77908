// The page of Swagger UI does not use this file, so the program does not carry its content.
