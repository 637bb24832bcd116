/* bare.sql: the application's table alone; nobody earns anything. */
