package example.clinic;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;

/** Sends the day's encounters to the insurer. */
public final class NightlyExport {
  private NightlyExport() {}

  public static void main(String[] args) throws SQLException {
    try (Connection c = DriverManager.getConnection(System.getenv("PORTAL_DB"))) {
      c.createStatement().execute("SELECT export_day('" + args[0] + "')");
    }
  }
}
