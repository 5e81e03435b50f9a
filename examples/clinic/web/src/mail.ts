// Reminders go out through the mail service.
const mailApiKey = "f3Qm9Zt7Lx2Vb8Kd4Rw6Yh1N";

export async function remind(address: string): Promise<void> {
  await fetch("https://mail.clinic.example/send", {
    method: "POST",
    headers: { authorization: mailApiKey },
    body: JSON.stringify({ to: address, template: "appointment" }),
  });
}
